package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/kubepeers/kubepeers/benches/internal/host"
	"github.com/kubepeers/kubepeers/benches/internal/pods"
)

type informer struct {
	namespace string
	config    *rest.Config
}

func newInformer(namespace, mounts string, i int) (client, error) {
	dir := filepath.Join(mounts, fmt.Sprint(i))
	address := net.JoinHostPort(
		os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	return informer{namespace, &rest.Config{
		Host:            "https://" + address,
		BearerTokenFile: filepath.Join(dir, "token"),
		TLSClientConfig: rest.TLSClientConfig{CAFile: filepath.Join(dir, "ca.crt")},
	}}, nil
}

func (c informer) start() ([]string, error) {
	client, err := kubernetes.NewForConfig(c.config)
	if err != nil {
		return nil, err
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0,
		informers.WithNamespace(c.namespace),
		informers.WithTweakListOptions(func(options *metav1.ListOptions) {
			options.LabelSelector = host.Selector
		}),
		informers.WithTransform(pods.Trim))
	informer := factory.Core().V1().Pods()
	lister := informer.Lister().Pods(c.namespace)
	handler, err := informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{})
	if err != nil {
		return nil, err
	}
	factory.Start(context.Background().Done())
	// cache.WaitForCacheSync checks only every 100 ms, which would delay the first result.
	for !handler.HasSynced() {
		time.Sleep(5 * time.Millisecond)
	}
	return pods.Addresses(lister)
}

// run does nothing, because an informer watches on its own.
func (informer) run() {}
