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

// startTimes is the answer of the page /start-times of a GoAkt node: times in ms since
// 1970.
type startTimes struct {
	Initialize       float64 `json:"initializeUnixMs"`
	FirstResult      float64 `json:"firstResultUnixMs"`
	FirstResultPeers int     `json:"firstResultPeers"`
}

// start is the time that a node needed for its first result, in ms.
type start struct {
	afterRunning    float64 // since the API server reported the pod as Running
	afterInitialize float64 // since then, or since Initialize was called if that was later
	peers           int
}

// firstResult measures the time until the first result, with kubepeers and with
// GoAkt's own provider alternately. It logs the times, and has no expectation.
func firstResult(e *env) {
	const rounds = 5
	running := e.watchForRunning()
	e.deploy(0, setEnv("MIN_MEMBERS", "1"))
	starts := map[string][]start{}
	for range rounds {
		for _, provider := range []string{"kubepeers", "goakt"} {
			e.change(setEnv("PROVIDER", provider))
			e.scale(3)
			e.waitUntilStarted(3)
			for _, pod := range e.nodes() {
				var times startTimes
				e.check(getJSON(pod, "/start-times", &times))
				since := running.at(e, pod)
				starts[provider] = append(starts[provider], start{
					afterRunning:    times.FirstResult - since,
					afterInitialize: times.FirstResult - max(since, times.Initialize),
					peers:           times.FirstResultPeers,
				})
			}
			e.scale(0)
			e.waitUntilGone()
		}
	}
	for _, provider := range []string{"kubepeers", "goakt"} {
		e.Logf("%-9s first result %s after the API server reported the pod as Running; "+
			"%s after Initialize; %d of %d were empty", provider,
			summary(starts[provider], func(s start) float64 { return s.afterRunning }),
			summary(starts[provider], func(s start) float64 { return s.afterInitialize }),
			countEmpty(starts[provider]), len(starts[provider]))
	}
}

// summary returns the median and the range of a time.
func summary(starts []start, timeOf func(start) float64) string {
	var times []float64
	for _, s := range starts {
		times = append(times, timeOf(s))
	}
	slices.Sort(times)
	return fmt.Sprintf("%.0f ms (%.0f to %.0f)", times[len(times)/2], times[0], times[len(times)-1])
}

func countEmpty(starts []start) (n int) {
	for _, s := range starts {
		if s.peers == 0 {
			n++
		}
	}
	return n
}

// runningSince holds the time at which the API server first reported each pod as
// Running with an address.
type runningSince struct {
	mutex sync.Mutex
	since map[types.UID]float64
}

func (e *env) watchForRunning() *runningSince {
	e.Helper()
	r := &runningSince{since: map[types.UID]float64{}}
	ctx, stop := context.WithCancel(background)
	e.Cleanup(stop)
	events, err := e.client.CoreV1().Pods(e.namespace).Watch(ctx, metav1.ListOptions{})
	e.check(err)
	go func() {
		for event := range events.ResultChan() {
			now := float64(time.Now().UnixMicro()) / 1000
			pod, ok := event.Object.(*corev1.Pod)
			if ok && pod.Status.Phase == corev1.PodRunning && pod.Status.PodIP != "" {
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

func (r *runningSince) at(e *env, pod corev1.Pod) (since float64) {
	e.Helper()
	e.eventually("the API server reports "+pod.Name+" as Running", func() string {
		r.mutex.Lock()
		defer r.mutex.Unlock()
		if since = r.since[pod.UID]; since == 0 {
			return "it does not"
		}
		return ""
	})
	return since
}
