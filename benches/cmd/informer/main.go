// Command informer is the host of what a careful user of client-go would
// write: a shared informer that keeps of each pod only what is needed.
package main

import (
	"context"
	"log"
	"net"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/kubepeers/kubepeers/benches/internal/host"
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
		informers.WithTweakListOptions(func(options *metav1.ListOptions) { options.LabelSelector = host.Selector }),
		informers.WithTransform(trim))
	pods := factory.Core().V1().Pods()
	lister := pods.Lister().Pods(host.Namespace())

	h := &host.Host{}
	handler, err := pods.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		UpdateFunc: func(_, _ any) { h.Changed() },
	})
	if err != nil {
		log.Fatal(err)
	}
	factory.Start(context.Background().Done())
	h.Discover = func() ([]string, error) {
		// cache.WaitForCacheSync looks only every 100 ms: not to be held against the informer.
		for !handler.HasSynced() {
			time.Sleep(time.Millisecond)
		}
		return discover(lister)
	}
	h.Run()
}

// trim keeps what discovery needs.
func trim(object any) (any, error) {
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return object, nil
	}
	slim := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID, ResourceVersion: pod.ResourceVersion,
			DeletionTimestamp: pod.DeletionTimestamp,
		},
		Status: corev1.PodStatus{Phase: pod.Status.Phase, PodIP: pod.Status.PodIP},
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			slim.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: condition.Status}}
		}
	}
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			if port.Name == host.DiscoveryPort {
				slim.Spec.Containers = []corev1.Container{{Ports: []corev1.ContainerPort{{Name: port.Name, ContainerPort: port.ContainerPort}}}}
			}
		}
	}
	return slim, nil
}

type podLister interface {
	List(selector labels.Selector) ([]*corev1.Pod, error)
}

func discover(lister podLister) ([]string, error) {
	pods, err := lister.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	addresses := make([]string, 0, len(pods))
	for _, pod := range pods {
		if pod.Status.Phase != corev1.PodRunning || pod.DeletionTimestamp != nil || pod.Status.PodIP == "" {
			continue
		}
		for _, container := range pod.Spec.Containers {
			for _, port := range container.Ports {
				addresses = append(addresses, net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(int(port.ContainerPort))))
			}
		}
	}
	return addresses, nil
}
