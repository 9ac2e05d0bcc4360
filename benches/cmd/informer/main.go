// Command informer is the host of a shared informer of client-go. It keeps only the
// fields of each pod that discovery needs, like a careful user would.
package main

import (
	"context"
	"log"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/kubepeers/kubepeers/benches/internal/host"
	"github.com/kubepeers/kubepeers/benches/internal/pods"
)

func main() {
	config, err := rest.InClusterConfig()
	if err != nil {
		log.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		log.Fatal(err)
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0,
		informers.WithNamespace(host.Namespace()),
		informers.WithTweakListOptions(func(options *metav1.ListOptions) {
			options.LabelSelector = host.Selector
		}),
		informers.WithTransform(pods.Trim))
	informer := factory.Core().V1().Pods()
	lister := informer.Lister().Pods(host.Namespace())

	h := &host.Host{}
	handler, err := informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		UpdateFunc: func(_, _ any) { h.Changed() },
	})
	if err != nil {
		log.Fatal(err)
	}
	factory.Start(context.Background().Done())
	h.Discover = func() ([]string, error) {
		// cache.WaitForCacheSync checks only every 100 ms, which would delay the first result.
		for !handler.HasSynced() {
			time.Sleep(time.Millisecond)
		}
		return pods.Addresses(lister)
	}
	h.Run()
}
