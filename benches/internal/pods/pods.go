// Package pods finds peers with an informer of client-go, like a careful user would.
package pods

import (
	"net"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubepeers/kubepeers/benches/internal/host"
)

// Trim is a transform of an informer. It returns a pod with only the fields that
// discovery needs.
func Trim(object any) (any, error) {
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
				ports := []corev1.ContainerPort{{Name: port.Name, ContainerPort: port.ContainerPort}}
				slim.Spec.Containers = []corev1.Container{{Ports: ports}}
			}
		}
	}
	return slim, nil
}

// Lister lists the pods of a namespace.
type Lister interface {
	List(selector labels.Selector) ([]*corev1.Pod, error)
}

// Addresses returns the address of each peer.
func Addresses(lister Lister) ([]string, error) {
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
				number := strconv.Itoa(int(port.ContainerPort))
				addresses = append(addresses, net.JoinHostPort(pod.Status.PodIP, number))
			}
		}
	}
	return addresses, nil
}
