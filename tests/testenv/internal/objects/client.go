// Package objects makes and changes the objects that a test of peer discovery
// needs, on any cluster: pods without a kubelet, service accounts that may do
// as much as the test says, and the folder that a pod would find its
// credentials in.
package objects

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"

	authorization "k8s.io/client-go/kubernetes/typed/authorization/v1"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
	rbac "k8s.io/client-go/kubernetes/typed/rbac/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// A Client works on the cluster of $KUBECONFIG.
type Client struct {
	config        *rest.Config
	core          *core.CoreV1Client
	rbac          *rbac.RbacV1Client
	authorization *authorization.AuthorizationV1Client
}

// NewClient does not connect yet.
func NewClient() (*Client, error) {
	kubeconfig := os.Getenv(clientcmd.RecommendedConfigPathEnvVar)
	if kubeconfig == "" {
		return nil, errors.New("KUBECONFIG is not set: it names the kubeconfig file of the cluster to work on")
	}
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil)
	config, err := loader.ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		return nil, fmt.Errorf("KUBECONFIG=%s: there is no such file, or no cluster in it", kubeconfig)
	}
	if err != nil {
		return nil, err
	}
	config.QPS = -1 // no limit of our own
	c := &Client{config: config}
	if c.core, err = core.NewForConfig(config); err != nil {
		return nil, err
	}
	if c.authorization, err = authorization.NewForConfig(config); err != nil {
		return nil, err
	}
	c.rbac, err = rbac.NewForConfig(config)
	return c, err
}

// Get is what the API server answers to a path, which may have a query.
func (c *Client) Get(ctx context.Context, path string) ([]byte, error) {
	return c.core.RESTClient().Get().RequestURI(path).DoRaw(ctx)
}

// Endpoint is the address of the API server, as pods are told it.
func (c *Client) Endpoint() (host, port string, err error) {
	server, err := url.Parse(c.config.Host)
	if err != nil {
		return "", "", err
	}
	if server.Hostname() == "" { // "HOST:PORT" is allowed
		return net.SplitHostPort(c.config.Host)
	}
	if port = server.Port(); port == "" {
		port = map[string]string{"https": "443", "http": "80"}[server.Scheme]
	}
	return server.Hostname(), port, nil
}
