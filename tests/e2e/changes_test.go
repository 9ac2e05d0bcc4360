package e2e

import (
	"errors"
	"os/exec"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// rollingUpdate gives every pod another template, while it is watched that there
// is never a second cluster, and that nobody is sent to a pod that ends.
func rollingUpdate(w *world) {
	w.deploy(5, lingers)
	w.oneClusterOf(5)
	w.ready(5)
	watch := w.watchForFaults()
	w.change(setEnv("VERSION", "2"))
	w.ready(5)
	nodes := w.oneClusterOf(5)
	if watch.end(); len(watch.ending) != 5 {
		w.Fatalf("%d pods were seen to end", len(watch.ending))
	}
	w.stays(nodes)
	for _, pod := range nodes {
		w.knowsOthers(pod, nodes)
	}
}

// lingers has a pod be there for some time after it was told to end, as those
// are that have requests to finish: for longer than any look at it takes, and
// than any news is under way.
func lingers(d *appsv1.Deployment) {
	seconds := int64(60)
	d.Spec.Template.Spec.TerminationGracePeriodSeconds = &seconds
	d.Spec.Template.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{
		PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 20}},
	}
}

// killed kills the program in one pod. Its container starts again, in the same
// pod and with the same address.
func killed(w *world) {
	w.deploy(5)
	w.oneClusterOf(5)
	w.ready(5)
	victim := w.nodes()[2]
	watch := w.watchForFaults()
	w.kill(victim)
	w.startsAgain(victim)
	w.stays(w.oneClusterOf(5))
	watch.end()
}

// kill sends SIGKILL to the processes of a pod's first container.
func (w *world) kill(pod corev1.Pod) {
	w.Helper()
	if output, err := tryToKill(pod); err != nil {
		w.Fatalf("%s could not be killed: %v\n%s", pod.Name, err, output)
	}
}

// tryToKill fails if there is no process any more, or none is known yet.
func tryToKill(pod corev1.Pod) (output []byte, err error) { return signal(pod, "KILL") }

// signal sends a signal to the processes of a pod's first container.
func signal(pod corev1.Pod, name string) (output []byte, err error) {
	id := ""
	if len(pod.Status.ContainerStatuses) > 0 {
		id = strings.TrimPrefix(pod.Status.ContainerStatuses[0].ContainerID, "containerd://")
	}
	if id == "" { // It would be found in everybody's.
		return nil, errors.New("it has no container yet")
	}
	return exec.Command("sh", "-c", `grep -l "$1" /proc/[0-9]*/cgroup | cut -d/ -f3 | xargs kill -s "$2"`, "sh", id, name).CombinedOutput()
}

func (w *world) startsAgain(killed corev1.Pod) {
	w.Helper()
	w.eventually("its container has started again", func() string {
		for _, pod := range w.nodes() {
			if pod.UID == killed.UID && restarts(pod) > restarts(killed) {
				return ""
			}
		}
		return "not yet"
	})
}

func restarts(pod corev1.Pod) int32 {
	if len(pod.Status.ContainerStatuses) == 0 {
		return 0
	}
	return pod.Status.ContainerStatuses[0].RestartCount
}

// withoutPort adds a pod with the labels of the nodes, but not their port.
func withoutPort(w *world) {
	w.deploy(2)
	nodes := w.oneClusterOf(2)
	portless := w.pod("portless", func(pod *corev1.Pod) {
		pod.Spec.Containers[0].Ports = nil
		pod.Spec.Containers[0].ReadinessProbe = nil
	})
	for _, node := range nodes {
		w.eventually("the pod without the port is explained", func() string {
			text, err := get(node, "/explain")
			if err != nil {
				return err.Error()
			}
			for line := range strings.Lines(text) {
				if strings.Contains(line, portless) && strings.Contains(line, "no-discovery-port") {
					return ""
				}
			}
			return text
		})
		w.knowsOthers(node, nodes)
	}
	w.stays(nodes)
}

// pod creates one pod from the template of the example Deployment, but not of
// it, with changes.
func (w *world) pod(name string, changes ...func(*corev1.Pod)) string {
	w.Helper()
	var d *appsv1.Deployment
	for _, object := range w.manifest("goakt.yaml") {
		if deployment, ok := object.(*appsv1.Deployment); ok {
			d = deployment
		}
	}
	image(d)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: d.Spec.Template.Labels}, Spec: d.Spec.Template.Spec}
	for _, change := range changes {
		change(pod)
	}
	w.must(w.client.CoreV1().Pods(w.namespace).Create(nowhere, pod, metav1.CreateOptions{}))
	return name
}

// deployment is the only one of the namespace.
func (w *world) deployment() *appsv1.Deployment {
	w.Helper()
	list, err := w.client.AppsV1().Deployments(w.namespace).List(nowhere, metav1.ListOptions{})
	w.check(err)
	if len(list.Items) != 1 {
		w.Fatalf("there are %d Deployments", len(list.Items))
	}
	return &list.Items[0]
}
