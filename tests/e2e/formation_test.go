package e2e

import (
	"fmt"
	"strings"
	"time"
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
	w.eventually("all nodes have started", func() string {
		views, err := w.views()
		w.check(err)
		return left("that have not started", 5-len(views))
	})
	for seconds := 0; seconds <= 15; seconds += 5 {
		views, err := w.views()
		w.check(err)
		w.Logf("GoAkt's own provider, %2d s after all have started: %d clusters of %d nodes", seconds, len(clusters(views)), len(views))
		time.Sleep(5 * time.Second)
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
