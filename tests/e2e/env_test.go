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

// env is the environment of a scenario: a new namespace with the Role of deploy/.
type env struct {
	*testing.T
	client    kubernetes.Interface
	namespace string
	clustering
}

var background = context.Background()

func newEnv(t *testing.T) *env {
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
	name := fmt.Sprintf("e2e-%d", time.Now().UnixMilli())
	e := &env{T: t, client: client, namespace: name, clustering: goakt}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	e.must(client.CoreV1().Namespaces().Create(background, namespace, metav1.CreateOptions{}))
	t.Cleanup(e.end)
	e.apply("00-role.yaml")
	return e
}

// end logs the state of a failed scenario, and deletes all its pods before the next
// scenario begins.
func (e *env) end() {
	if e.Failed() {
		e.logState()
	}
	all := metav1.ListOptions{}
	deployments := e.client.AppsV1().Deployments(e.namespace)
	e.check(deployments.DeleteCollection(background, metav1.DeleteOptions{}, all))
	e.eventually("all pods are gone", func() string {
		pods := e.client.CoreV1().Pods(e.namespace)
		e.check(pods.DeleteCollection(background, immediately(), all))
		return remaining("pods", len(e.pods()))
	})
	namespaces := e.client.CoreV1().Namespaces()
	e.check(namespaces.Delete(background, e.namespace, metav1.DeleteOptions{}))
}

// immediately deletes without a grace period.
func immediately() metav1.DeleteOptions {
	seconds := int64(0)
	return metav1.DeleteOptions{GracePeriodSeconds: &seconds}
}

func (e *env) logState() {
	for _, pod := range e.pods() {
		e.Logf("--- %s, %s, %v, at %s\n%s", pod.Name, pod.Status.Phase,
			pod.Status.ContainerStatuses, pod.Status.PodIP, e.log(pod))
		if text, err := get(pod, "/explain"); err == nil {
			e.Log(text)
		}
	}
}

// log returns the last lines of a pod's first container.
func (e *env) log(pod corev1.Pod) string { return e.podLog(pod, false) }

// previousLog returns the last lines before the container was restarted.
func (e *env) previousLog(pod corev1.Pod) string { return e.podLog(pod, true) }

func (e *env) podLog(pod corev1.Pod, previous bool) string {
	lines := int64(40)
	options := &corev1.PodLogOptions{TailLines: &lines, Previous: previous}
	text, err := e.client.CoreV1().Pods(e.namespace).GetLogs(pod.Name, options).DoRaw(background)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// list returns all pods of the namespace, sorted by name.
func (e *env) list() ([]corev1.Pod, error) {
	list, err := e.client.CoreV1().Pods(e.namespace).List(background, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list.Items, func(a, b corev1.Pod) int {
		return strings.Compare(a.Name, b.Name)
	})
	return list.Items, nil
}

func (e *env) pods() []corev1.Pod {
	e.Helper()
	pods, err := e.list()
	e.check(err)
	return pods
}

// nodes returns the pods that are meant to be members: those that have the port and are
// not terminating.
func (e *env) nodes() []corev1.Pod {
	e.Helper()
	return nodesOf(e.pods())
}

func nodesOf(pods []corev1.Pod) []corev1.Pod {
	return slices.DeleteFunc(slices.Clone(pods), func(pod corev1.Pod) bool {
		return pod.DeletionTimestamp != nil || !hasPort(pod)
	})
}

func hasPort(pod corev1.Pod) bool {
	return portOf(pod, "gossip") != 0 || portOf(pod, managementPort) != 0
}

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

// controlPlane runs a command of the tool that runs the control plane, for example
// stop-server.
func (e *env) controlPlane(command string) {
	e.Helper()
	tool, dir := os.Getenv("TESTENV"), os.Getenv("TESTENV_DIR")
	output, err := exec.Command(tool, command, "--dir", dir).CombinedOutput()
	if err != nil {
		e.Fatalf("%s: %v\n%s", command, err, output)
	}
}

// eventually waits until the condition is true. check returns "" then, and otherwise
// what differs.
func (e *env) eventually(condition string, check func() string) {
	e.Helper()
	for deadline := time.Now().Add(testTimeout); ; time.Sleep(100 * time.Millisecond) {
		problem := check()
		if problem == "" {
			return
		}
		if time.Now().After(deadline) {
			e.Fatalf("timed out after %v waiting until %s: %s", testTimeout, condition, problem)
		}
	}
}

// check fails the scenario if there is an error.
func (e *env) check(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// must is check for calls with a result that the scenario does not need.
func (e *env) must(_ any, err error) {
	e.Helper()
	e.check(err)
}

// remaining returns "" for 0, for the use in eventually.
func remaining(things string, n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d %s remain", n, things)
}

func sortedKeys[V any](set map[string]V) []string { return slices.Sorted(maps.Keys(set)) }
