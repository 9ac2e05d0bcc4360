package e2e

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// No pod is ready before the cluster has formed: who waits for readiness waits
// for ever.
func fiveAtOnce(w *world) {
	w.deploy(5)
	nodes := w.oneClusterOf(5)
	w.ready(5)
	w.stays(nodes)
	w.atTheFirstTry()
	for _, pod := range nodes {
		w.knowsOthers(pod, nodes)
	}
}

func coldStarts(w *world) {
	const starts = 10
	w.deploy(0, setEnv("MIN_MEMBERS", "5"), setEnv("START_DELAY_MS", "3000"))
	for i := range starts {
		begin := time.Now()
		w.scale(5)
		nodes := w.oneClusterOf(5)
		w.ready(5)
		w.stays(nodes)
		w.atTheFirstTry()
		w.Logf("%d of %d: one cluster of five, after %.1f s", i+1, starts, time.Since(begin).Seconds())
		w.scale(0)
		w.eventually("all nodes have left", func() string { return left("pods", len(w.pods())) })
	}
}

// goaktsOwn has no expectation: another version of GoAkt may do better.
func goaktsOwn(w *world) {
	w.deploy(5, setEnv("PROVIDER", "goakt"))
	w.eventually("all nodes have started", func() string { return left("that have not started", 5-len(w.started())) })
	for seconds := 0; seconds <= 15; seconds += 5 {
		views := w.started()
		w.Logf("GoAkt's own provider, %2d s after all have started: %d clusters of %d nodes", seconds, len(clusters(views)), len(views))
		time.Sleep(5 * time.Second)
	}
}

// withoutRole starts three nodes that may not list pods: first with GoAkt's own
// provider, about which nothing is expected, and then with kubepeers, whose nodes
// must found no cluster and must say what is missing. Once they have the Role, they
// are one cluster.
func withoutRole(w *world) {
	w.deploy(0, setEnv("MIN_MEMBERS", "3"), setEnv("PROVIDER", "goakt"))
	w.unbindRole()
	w.scale(3)
	w.eventually("all nodes have started", func() string { return left("nodes that have not started", 3-len(w.started())) })
	w.Logf("GoAkt's own provider without the Role: %d clusters of 3 nodes", len(clusters(w.started())))
	w.bindRole()
	time.Sleep(30 * time.Second)
	w.Logf("GoAkt's own provider 30 s after it has the Role: %d clusters of 3 nodes", len(clusters(w.started())))
	w.scale(0)
	w.eventually("all nodes have left", func() string { return left("pods", len(w.pods())) })

	w.unbindRole()
	w.change(setEnv("PROVIDER", "kubepeers"))
	w.scale(3)
	w.eventually("all nodes have said which Role is missing", func() string {
		silent := 3
		for _, pod := range w.nodes() {
			if log := w.log(pod) + w.logOfTheLast(pod); strings.Contains(log, "FORBIDDEN") && strings.Contains(log, "bind a Role") {
				silent--
			}
		}
		return left("nodes that have not", silent)
	})
	if started := w.started(); len(started) > 0 {
		w.Fatalf("without the Role these nodes have founded clusters: %v", sorted(started))
	}
	w.bindRole()
	begin := time.Now()
	nodes := w.oneClusterOf(3)
	w.Logf("kubepeers: no cluster without the Role, one cluster of 3 nodes %.1f s after they have it", time.Since(begin).Seconds())
	w.stays(nodes)
}

// started returns what each node that has started knows.
func (w *world) started() map[string]map[string]member {
	w.Helper()
	views, err := w.views()
	w.check(err)
	return views
}

// cutOff starts a node that cannot reach the API server, and then three that can.
// They must not wait for it.
func cutOff(w *world) {
	w.deploy(0, setEnv("MIN_MEMBERS", "3"))
	w.pod("cut-off", func(pod *corev1.Pod) {
		container := &pod.Spec.Containers[0]
		// No machine has this address: RFC 5737 reserves it for documentation.
		container.Env = append(container.Env, corev1.EnvVar{Name: "KUBERNETES_SERVICE_HOST", Value: "192.0.2.1"})
	})
	w.eventually("the node that is cut off runs", func() string {
		if nodes := w.nodes(); nodes[0].Status.Phase != corev1.PodRunning {
			return string(nodes[0].Status.Phase)
		}
		return ""
	})
	begin := time.Now()
	w.scale(3)
	var nodes []corev1.Pod
	w.eventually("one cluster of the other three", func() string {
		nodes = slices.DeleteFunc(w.nodes(), func(pod corev1.Pod) bool { return pod.Name == "cut-off" })
		if len(nodes) != 3 {
			return fmt.Sprintf("there are %d", len(nodes))
		}
		return w.notYetOne(nodes)
	})
	w.Logf("one cluster of three beside a node that is cut off from the API server, after %.1f s", time.Since(begin).Seconds())
	w.stays(nodes)
	for _, pod := range nodes {
		if n := restarts(pod); n > 0 {
			w.Errorf("%s was restarted %d times. It had said:\n%s", pod.Name, n, w.logOfTheLast(pod))
		}
	}
}

func scaled(w *world) {
	w.deploy(1)
	alone := w.oneClusterOf(1)
	addresses, err := peers(alone[0])
	w.check(err)
	if len(addresses) != 0 {
		w.Fatalf("alone, with %q", addresses)
	}
	w.scale(5)
	w.stays(w.oneClusterOf(5))
	w.scale(2)
	nodes := w.oneClusterOf(2)
	w.stays(nodes)
	for _, pod := range nodes {
		w.knowsOthers(pod, nodes)
	}
}

// atTheFirstTry checks that no program has ended, and was started again, save by
// a panic of GoAkt's own.
func (w *world) atTheFirstTry() {
	w.Helper()
	for _, pod := range w.nodes() {
		if restarts(pod) == 0 {
			continue
		}
		log := w.logOfTheLast(pod)
		if strings.Contains(log, "panic: ") && strings.Contains(log, "github.com/tochemey/olric") {
			w.Logf("GoAkt panicked in %s, which was started again", pod.Name)
			continue
		}
		w.Errorf("%s was started again. It had said:\n%s", pod.Name, log)
	}
}

// ready waits until Kubernetes, too, says that so many pods are, all of the
// present template.
func (w *world) ready(n int) {
	w.Helper()
	w.eventually(fmt.Sprintf("%d pods are ready", n), func() string {
		d := w.deployment()
		if d.Status.ObservedGeneration == d.Generation && int(d.Status.ReadyReplicas) == n && int(d.Status.UpdatedReplicas) == n && int(d.Status.Replicas) == n {
			return ""
		}
		return fmt.Sprintf("%+v", d.Status)
	})
}
