package e2e

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// rollingUpdate replaces every pod while the invariants are checked.
func rollingUpdate(e *env) {
	e.deploy(5, withSlowTermination)
	e.waitForCluster(5)
	e.waitUntilReady(5)
	invariants := e.startInvariants()
	e.change(setEnv("VERSION", "2"))
	e.waitUntilReady(5)
	nodes := e.waitForCluster(5)
	if invariants.end(); len(invariants.terminating) != 5 {
		e.Fatalf("got %d pods that were seen to terminate; want 5", len(invariants.terminating))
	}
	e.requireStable(nodes)
	for _, pod := range nodes {
		e.waitForRecords(pod, nodes)
	}
}

// withSlowTermination makes a pod terminate slowly, like one that completes its
// requests. It takes longer than several checks of the invariants.
func withSlowTermination(d *appsv1.Deployment) {
	seconds := int64(60)
	d.Spec.Template.Spec.TerminationGracePeriodSeconds = &seconds
	d.Spec.Template.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{
		PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 20}},
	}
}

// killed kills the program of one pod. Its container restarts in the same pod, with the
// same address.
func killed(e *env) {
	e.deploy(5)
	e.waitForCluster(5)
	e.waitUntilReady(5)
	victim := e.nodes()[2]
	invariants := e.startInvariants()
	e.kill(victim)
	e.waitForRestart(victim)
	e.requireStable(e.waitForCluster(5))
	invariants.end()
}

// kill sends SIGKILL to the processes of a pod's first container.
func (e *env) kill(pod corev1.Pod) {
	e.Helper()
	if output, err := sendSignal(pod, "KILL"); err != nil {
		e.Fatalf("cannot kill %s: %v\n%s", pod.Name, err, output)
	}
}

// sendSignal sends a signal to the processes of a pod's first container. It fails if
// there is none.
func sendSignal(pod corev1.Pod, signal string) (output []byte, err error) {
	id := ""
	if len(pod.Status.ContainerStatuses) > 0 {
		id = strings.TrimPrefix(pod.Status.ContainerStatuses[0].ContainerID, "containerd://")
	}
	if id == "" { // grep would find the empty text in every process.
		return nil, errors.New("the container has not started")
	}
	const script = `grep -l "$1" /proc/[0-9]*/cgroup | cut -d/ -f3 | xargs kill -s "$2"`
	return exec.Command("sh", "-c", script, "sh", id, signal).CombinedOutput()
}

func (e *env) waitForRestart(before corev1.Pod) {
	e.Helper()
	e.eventually("the container of "+before.Name+" has restarted", func() string {
		for _, pod := range e.nodes() {
			if pod.UID == before.UID && restarts(pod) > restarts(before) {
				return ""
			}
		}
		return "it has not"
	})
}

func restarts(pod corev1.Pod) int32 {
	if len(pod.Status.ContainerStatuses) == 0 {
		return 0
	}
	return pod.Status.ContainerStatuses[0].RestartCount
}

// withoutPort adds a pod that has the labels of the nodes but no ports.
func withoutPort(e *env) {
	e.deploy(2)
	nodes := e.waitForCluster(2)
	const name = "portless"
	e.createPod(name, func(pod *corev1.Pod) {
		pod.Spec.Containers[0].Ports = nil
		pod.Spec.Containers[0].ReadinessProbe = nil
	})
	for _, node := range nodes {
		e.eventually("the pod without ports has its verdict", func() string {
			text, err := get(node, "/explain")
			if err != nil {
				return err.Error()
			}
			for line := range strings.Lines(text) {
				if strings.Contains(line, name) && strings.Contains(line, "no-discovery-port") {
					return ""
				}
			}
			return text
		})
		e.waitForRecords(node, nodes)
	}
	e.requireStable(nodes)
}

// createPod creates a pod from the template of the example Deployment, but without an
// owner.
func (e *env) createPod(name string, changes ...func(*corev1.Pod)) {
	e.Helper()
	var d *appsv1.Deployment
	for _, object := range e.manifest("goakt.yaml") {
		if deployment, ok := object.(*appsv1.Deployment); ok {
			d = deployment
		}
	}
	setImage(d)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: d.Spec.Template.Labels},
		Spec:       d.Spec.Template.Spec,
	}
	for _, change := range changes {
		change(pod)
	}
	pods := e.client.CoreV1().Pods(e.namespace)
	e.must(pods.Create(background, pod, metav1.CreateOptions{}))
}

// waitUntilRunning waits until there are n pods, and all of them run.
func (e *env) waitUntilRunning(n int) (pods []corev1.Pod) {
	e.Helper()
	e.eventually(fmt.Sprintf("%d pods are running", n), func() string {
		pods = e.nodes()
		running := 0
		for _, pod := range pods {
			if pod.Status.Phase == corev1.PodRunning {
				running++
			}
		}
		if running == n && len(pods) == n {
			return ""
		}
		return fmt.Sprintf("%d of %d pods are running", running, len(pods))
	})
	return pods
}

// deployment returns the only Deployment of the namespace.
func (e *env) deployment() *appsv1.Deployment {
	e.Helper()
	deployments := e.client.AppsV1().Deployments(e.namespace)
	list, err := deployments.List(background, metav1.ListOptions{})
	e.check(err)
	if len(list.Items) != 1 {
		e.Fatalf("got %d Deployments; want 1", len(list.Items))
	}
	return &list.Items[0]
}
