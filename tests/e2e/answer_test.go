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

// moments are what a node noted when GoAkt asked its provider.
type moments struct {
	// FirstAnswer is when GoAkt got its first answer that was no error, in ms
	// since 1970, and Peers how many peers were in it.
	FirstAnswer float64 `json:"firstAnswerUnixMs"`
	Peers       int     `json:"firstAnswerPeers"`
}

// firstAnswer measures how long after the API server showed a pod as Running
// its node had an answer, with our provider and with GoAkt's own. It prints
// figures, and expects none.
func firstAnswer(w *world) {
	const rounds = 5
	running := w.watchForRunning()
	w.deploy(0, setEnv("MIN_MEMBERS", "1"))
	figures := map[string][]float64{}
	empty := map[string]int{}
	for range rounds {
		for _, provider := range []string{"kubepeers", "goakt"} {
			w.change(setEnv("PROVIDER", provider))
			w.scale(3)
			w.eventually("all nodes have started", func() string {
				views, err := w.views()
				w.check(err)
				return left("nodes that have not started", 3-len(views))
			})
			for _, pod := range w.nodes() {
				var noted moments
				w.check(getJSON(pod, "/moments", &noted))
				figures[provider] = append(figures[provider], noted.FirstAnswer-running.at(w, pod))
				if noted.Peers == 0 {
					empty[provider]++
				}
			}
			w.scale(0)
			w.eventually("all nodes have left", func() string { return left("pods", len(w.pods())) })
		}
	}
	for _, provider := range []string{"kubepeers", "goakt"} {
		all := figures[provider]
		slices.Sort(all)
		w.Logf("%-9s first answer after the API server showed the own pod as Running: median %.0f ms, %.0f to %.0f ms; %d of %d answers named nobody",
			provider, all[len(all)/2], all[0], all[len(all)-1], empty[provider], len(all))
	}
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
