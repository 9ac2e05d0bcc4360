package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// memberlistRing starts five nodes at once, kills a program, which restarts at
// its address, replaces a pod that cannot leave the ring, and removes three pods.
func memberlistRing(e *env) {
	e.deployRing(5)
	e.waitForCluster(5)
	e.waitUntilReady(5)
	e.requireStable(e.nodes())
	e.requireNoRestarts()

	victim := e.nodes()[2]
	e.kill(victim)
	e.waitForRestart(victim)
	e.waitForCluster(5)
	e.waitUntilReady(5)

	replaced := e.nodes()[0]
	e.freeze(replaced)
	e.deleteNow(replaced)
	e.requireStable(e.waitForCluster(5))
	e.waitUntilReady(5)

	e.scale(2)
	e.requireStable(e.waitForCluster(2))
}

// memberlistWithoutServer restarts all programs while the API server is stopped.
// They wait for it, and then form one ring.
func memberlistWithoutServer(e *env) {
	e.deployRing(5)
	e.startWithoutServer(5, func(pod corev1.Pod) string {
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

// deployRing applies the example Deployment of Memberlist nodes.
func (e *env) deployRing(replicas int, changes ...func(*appsv1.Deployment)) {
	e.Helper()
	e.clustering = ring
	e.apply("memberlist.yaml", slices.Insert(changes, 0, func(d *appsv1.Deployment) {
		d.Spec.Replicas = int32Ptr(replicas)
		d.Spec.Template.Spec.Containers[0].Image = os.Getenv("MEMBERLIST_IMAGE")
	})...)
}

// ring pauses so that the checks take three rounds of Memberlist's failure
// detection.
var ring = clustering{problem: ringProblem, pause: 300 * time.Millisecond}

// ringProblem returns why nodes of Memberlist are not one ring, or "".
func ringProblem(nodes []corev1.Pod) (problem string, err error) {
	var want []string
	for _, pod := range nodes {
		want = append(want, gossip(pod))
	}
	slices.Sort(want)
	for _, pod := range nodes {
		var got []string
		if err := getJSON(pod, "/members", &got); err != nil {
			return "", err
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			return fmt.Sprintf("%s has the members %q; want %q", pod.Name, got, want), nil
		}
	}
	return "", nil
}

// freeze stops a pod's processes, so that they cannot leave the ring when they
// are terminated. The other members must detect that they are gone.
func (e *env) freeze(pod corev1.Pod) {
	e.Helper()
	if output, err := sendSignal(pod, "STOP"); err != nil {
		e.Fatalf("cannot freeze %s: %v\n%s", pod.Name, err, output)
	}
}

// deleteNow deletes a pod without a grace period.
func (e *env) deleteNow(pod corev1.Pod) {
	e.Helper()
	pods := e.client.CoreV1().Pods(e.namespace)
	e.check(pods.Delete(background, pod.Name, immediately()))
}
