// Package objects creates and changes objects in any cluster: pods without a kubelet,
// service accounts with the permissions that a test selects, and the directory in which
// a pod finds its credentials.
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

// A Client uses the cluster of $KUBECONFIG.
type Client struct {
	config        *rest.Config
	core          *core.CoreV1Client
	rbac          *rbac.RbacV1Client
	authorization *authorization.AuthorizationV1Client
}

// NewClient returns a client. It does not connect.
func NewClient() (*Client, error) {
	kubeconfig := os.Getenv(clientcmd.RecommendedConfigPathEnvVar)
	if kubeconfig == "" {
		return nil, errors.New("KUBECONFIG is not set: set it to the kubeconfig file of the cluster to use")
	}
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil)
	config, err := loader.ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		return nil, fmt.Errorf("KUBECONFIG=%s: the file does not exist or has no cluster", kubeconfig)
	}
	if err != nil {
		return nil, err
	}
	config.QPS = -1 // no limit
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

// Get returns the API server's response to a GET of the path, which may have a query.
func (c *Client) Get(ctx context.Context, path string) ([]byte, error) {
	return c.core.RESTClient().Get().RequestURI(path).DoRaw(ctx)
}

// Endpoint returns the address of the API server in the form that pods receive it.
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
