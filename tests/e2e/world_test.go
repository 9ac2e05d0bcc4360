package e2e

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// A world is a namespace of its own, with the role of deploy/.
type world struct {
	*testing.T
	client    kubernetes.Interface
	namespace string
	clustering
}

// nowhere is a context that is never cancelled.
var nowhere = context.Background()

func newWorld(t *testing.T) *world {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.Burst = 1000, 1000
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, client: client, namespace: fmt.Sprintf("e2e-%d", time.Now().UnixMilli()), clustering: goakt}
	w.must(client.CoreV1().Namespaces().Create(nowhere, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}}, metav1.CreateOptions{}))
	t.Cleanup(w.end)
	w.apply("00-role.yaml")
	return w
}

// end tells what can be told of a failure, and has all pods gone before the next scenario.
func (w *world) end() {
	if w.Failed() {
		w.tell()
	}
	w.check(w.client.AppsV1().Deployments(w.namespace).DeleteCollection(nowhere, metav1.DeleteOptions{}, metav1.ListOptions{}))
	now := int64(0)
	w.eventually("all pods are gone", func() string {
		w.check(w.client.CoreV1().Pods(w.namespace).DeleteCollection(nowhere, metav1.DeleteOptions{GracePeriodSeconds: &now}, metav1.ListOptions{}))
		return left("pods", len(w.pods()))
	})
	w.check(w.client.CoreV1().Namespaces().Delete(nowhere, w.namespace, metav1.DeleteOptions{}))
}

func (w *world) tell() {
	for _, pod := range w.pods() {
		w.Logf("--- %s, %s, %v, at %s\n%s", pod.Name, pod.Status.Phase, pod.Status.ContainerStatuses, pod.Status.PodIP, w.log(pod))
		if text, err := get(pod, "/explain"); err == nil {
			w.Log(text)
		}
	}
}

// log is what the first container of a pod has said.
func (w *world) log(pod corev1.Pod) string { return w.lines(pod, false) }

// logOfTheLast is what it had said before it was started again.
func (w *world) logOfTheLast(pod corev1.Pod) string { return w.lines(pod, true) }

func (w *world) lines(pod corev1.Pod, previous bool) string {
	number := int64(40)
	text, err := w.client.CoreV1().Pods(w.namespace).GetLogs(pod.Name, &corev1.PodLogOptions{TailLines: &number, Previous: previous}).DoRaw(nowhere)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// list gives all pods of the namespace, by name.
func (w *world) list() ([]corev1.Pod, error) {
	list, err := w.client.CoreV1().Pods(w.namespace).List(nowhere, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list.Items, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return list.Items, nil
}

func (w *world) pods() []corev1.Pod {
	w.Helper()
	pods, err := w.list()
	w.check(err)
	return pods
}

// nodes are the pods that run a GoAkt node, or are about to, and are to stay.
func (w *world) nodes() []corev1.Pod {
	w.Helper()
	return nodesOf(w.pods())
}

func nodesOf(pods []corev1.Pod) []corev1.Pod {
	return slices.DeleteFunc(slices.Clone(pods), func(pod corev1.Pod) bool {
		return pod.DeletionTimestamp != nil || !hasPort(pod)
	})
}

func hasPort(pod corev1.Pod) bool { return portOf(pod, "gossip") != 0 }

func portOf(pod corev1.Pod, name string) int {
	for _, container := range slices.Concat(pod.Spec.Containers, pod.Spec.InitContainers) {
		for _, port := range container.Ports {
			if port.Name == name {
				return int(port.ContainerPort)
			}
		}
	}
	return 0
}

// disturb has the tool that runs the control plane do something to it.
func (w *world) disturb(order string) {
	w.Helper()
	output, err := exec.Command(os.Getenv("TESTENV"), order, "--dir", os.Getenv("TESTENV_DIR")).CombinedOutput()
	if err != nil {
		w.Fatalf("%s: %v\n%s", order, err, output)
	}
}

// eventually asks until nothing is wrong any more.
func (w *world) eventually(what string, wrong func() string) {
	w.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		fault := wrong()
		if fault == "" {
			return
		}
		if time.Now().After(deadline) {
			w.Fatalf("not within %v: %s: %s", patience, what, fault)
		}
	}
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// must is check for calls that give something besides.
func (w *world) must(_ any, err error) {
	w.Helper()
	w.check(err)
}

func left(what string, n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d %s are left", n, what)
}

func sorted[V any](set map[string]V) []string { return slices.Sorted(maps.Keys(set)) }
