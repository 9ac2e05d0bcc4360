package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// memberlistRing starts five nodes at once, kills a program, which restarts at
// its address, replaces a pod that cannot leave the ring, and removes three pods.
func memberlistRing(w *world) {
	w.deployRing(5)
	w.oneClusterOf(5)
	w.ready(5)
	w.stays(w.nodes())
	w.atTheFirstTry()

	killed := w.nodes()[2]
	w.kill(killed)
	w.startsAgain(killed)
	w.oneClusterOf(5)
	w.ready(5)

	replaced := w.nodes()[0]
	w.freeze(replaced)
	w.removeAtOnce(replaced)
	w.stays(w.oneClusterOf(5))
	w.ready(5)

	w.scale(2)
	w.stays(w.oneClusterOf(2))
}

// memberlistWithoutServer restarts all programs while the API server is away.
// They wait for it, and then form one ring.
func memberlistWithoutServer(w *world) {
	w.deployRing(5)
	w.oneClusterOf(5)
	w.ready(5)
	nodes := w.nodes()
	w.disturb("stop-server")
	w.stays(nodes)
	for _, pod := range nodes {
		w.kill(pod)
	}
	for _, pod := range nodes {
		w.eventually(pod.Name+" waits for the API server", func() string {
			text, err := get(pod, "/explain")
			if err == nil {
				return "it has pods: " + text
			}
			if !strings.Contains(err.Error(), "NOT_SYNCED") {
				return err.Error()
			}
			return ""
		})
	}
	w.disturb("start-server")
	begin := time.Now()
	w.oneClusterOf(5)
	w.Logf("one ring of five %.1f s after the API server is back", time.Since(begin).Seconds())
	w.ready(5)
	for _, pod := range w.nodes() {
		if n := restarts(pod); n != 1 {
			w.Errorf("%s has restarted %d times; want once, when it was killed. Its previous log:\n%s", pod.Name, n, w.logOfTheLast(pod))
		}
	}
}

// deployRing applies the example Deployment of Memberlist nodes.
func (w *world) deployRing(replicas int) {
	w.Helper()
	w.clustering = ring
	w.apply("memberlist.yaml", func(d *appsv1.Deployment) {
		d.Spec.Replicas = number(replicas)
		d.Spec.Template.Spec.Containers[0].Image = os.Getenv("MEMBERLIST_IMAGE")
	})
}

// ring pauses so that the checks take three rounds of Memberlist's failure
// detection.
var ring = clustering{fault: notOneRing, pause: 300 * time.Millisecond}

// notOneRing returns why nodes of Memberlist are not one ring, or "".
func notOneRing(nodes []corev1.Pod) (fault string, err error) {
	var want []string
	for _, pod := range nodes {
		want = append(want, gossip(pod))
	}
	slices.Sort(want)
	for _, pod := range nodes {
		var members []string
		if err := getJSON(pod, "/members", &members); err != nil {
			return "", err
		}
		if slices.Sort(members); !slices.Equal(members, want) {
			return fmt.Sprintf("%s has the members %q; want %q", pod.Name, members, want), nil
		}
	}
	return "", nil
}

// freeze stops a pod's processes, so that they cannot leave the ring when they
// are terminated. The other members must detect that they are gone.
func (w *world) freeze(pod corev1.Pod) {
	w.Helper()
	if output, err := signal(pod, "STOP"); err != nil {
		w.Fatalf("cannot freeze %s: %v\n%s", pod.Name, err, output)
	}
}

// removeAtOnce deletes a pod without a grace period.
func (w *world) removeAtOnce(pod corev1.Pod) {
	w.Helper()
	now := int64(0)
	w.check(w.client.CoreV1().Pods(w.namespace).Delete(nowhere, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now}))
}
