package e2e

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// moments are what a node noted, in ms since 1970.
type moments struct {
	Initialize       float64 `json:"initializeUnixMs"`
	FirstAnswer      float64 `json:"firstAnswerUnixMs"`
	FirstAnswerPeers int     `json:"firstAnswerPeers"`
}

// A start is how a node came by its first answer, in ms.
type start struct {
	afterRunning float64 // from when the API server showed the own pod as Running
	afterBoth    float64 // from then, or from when GoAkt began to ask if that was later
	peers        int
}

// firstAnswer measures how soon a node has its first answer, with our provider
// and with GoAkt's own, in turn. It prints figures, and expects none.
func firstAnswer(w *world) {
	const rounds = 5
	running := w.watchForRunning()
	w.deploy(0, setEnv("MIN_MEMBERS", "1"))
	starts := map[string][]start{}
	for range rounds {
		for _, provider := range []string{"kubepeers", "goakt"} {
			w.change(setEnv("PROVIDER", provider))
			w.scale(3)
			w.eventually("all nodes have started", func() string { return left("nodes that have not started", 3-len(w.started())) })
			for _, pod := range w.nodes() {
				var noted moments
				w.check(getJSON(pod, "/moments", &noted))
				since := running.at(w, pod)
				starts[provider] = append(starts[provider],
					start{noted.FirstAnswer - since, noted.FirstAnswer - max(since, noted.Initialize), noted.FirstAnswerPeers})
			}
			w.scale(0)
			w.eventually("all nodes have left", func() string { return left("pods", len(w.pods())) })
		}
	}
	for _, provider := range []string{"kubepeers", "goakt"} {
		w.Logf("%-9s first answer %s after the API server showed the own pod as Running; %s after GoAkt asked too; %d of %d named nobody",
			provider, spread(starts[provider], func(s start) float64 { return s.afterRunning }),
			spread(starts[provider], func(s start) float64 { return s.afterBoth }), nobody(starts[provider]), len(starts[provider]))
	}
}

func spread(starts []start, figure func(start) float64) string {
	var all []float64
	for _, s := range starts {
		all = append(all, figure(s))
	}
	slices.Sort(all)
	return fmt.Sprintf("%.0f ms (%.0f to %.0f)", all[len(all)/2], all[0], all[len(all)-1])
}

func nobody(starts []start) (n int) {
	for _, s := range starts {
		if s.peers == 0 {
			n++
		}
	}
	return n
}

// runningSince is when the API server first told that a pod runs and has an address.
type runningSince struct {
	mutex sync.Mutex
	since map[types.UID]float64
}

func (w *world) watchForRunning() *runningSince {
	w.Helper()
	r := &runningSince{since: map[types.UID]float64{}}
	ctx, stop := context.WithCancel(nowhere)
	w.Cleanup(stop)
	events, err := w.client.CoreV1().Pods(w.namespace).Watch(ctx, metav1.ListOptions{})
	w.check(err)
	go func() {
		for event := range events.ResultChan() {
			now := float64(time.Now().UnixMicro()) / 1000
			if pod, ok := event.Object.(*corev1.Pod); ok && pod.Status.Phase == corev1.PodRunning && pod.Status.PodIP != "" {
				r.mutex.Lock()
				if _, ok := r.since[pod.UID]; !ok {
					r.since[pod.UID] = now
				}
				r.mutex.Unlock()
			}
		}
	}()
	return r
}

func (r *runningSince) at(w *world, pod corev1.Pod) (since float64) {
	w.Helper()
	w.eventually(fmt.Sprintf("%s was seen as Running", pod.Name), func() string {
		r.mutex.Lock()
		defer r.mutex.Unlock()
		if since = r.since[pod.UID]; since == 0 {
			return "not yet"
		}
		return ""
	})
	return since
}
