package e2e

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// news are of a pod, and for a node.
type news struct{ of, to types.UID }

// A watch looks again and again for what must never be, while something else
// goes on.
type watch struct {
	world *world
	stop  chan struct{}
	done  sync.WaitGroup
	looks int
	fault string
	// gone is set when a node was seen not to be told of a pod that ends.
	gone map[news]bool
	// ending is when a pod was first seen to end.
	ending map[types.UID]time.Time
	// slowest is how long after that a node was told of it at the latest.
	slowest time.Duration
}

func (w *world) watchForFaults() *watch {
	x := &watch{world: w, stop: make(chan struct{}), gone: map[news]bool{}, ending: map[types.UID]time.Time{}}
	x.done.Add(1)
	go x.look()
	return x
}

// end fails the scenario if there was a fault.
func (x *watch) end() {
	x.world.Helper()
	close(x.stop)
	x.done.Wait()
	if x.fault != "" {
		x.world.Fatal(x.fault)
	}
	x.world.Logf("looked %d times: never two clusters; %d pods ended, and nobody was sent to one later than %v after that was seen",
		x.looks, len(x.ending), x.slowest.Round(time.Millisecond))
}

func (x *watch) look() {
	defer x.done.Done()
	for ; x.fault == ""; x.looks++ {
		select {
		case <-x.stop:
			return
		case <-time.After(50 * time.Millisecond):
		}
		// Without the API server nothing is known of what is to be.
		if views, err := x.world.views(); err == nil {
			x.fault = split(views)
		}
		if pods, err := x.world.list(); err == nil && x.fault == "" {
			x.fault = x.sentToTheDead(pods)
		}
	}
}

// sentToTheDead says who is told of a pod that ends, though he knew that before,
// or is younger. Whoever is told of it right after it began to end may have been
// asked before the news came to him, and is asked again.
func (x *watch) sentToTheDead(pods []corev1.Pod) string {
	told := toldOf(pods)
	for _, pod := range pods {
		if pod.DeletionTimestamp == nil || !hasPort(pod) || pod.Status.PodIP == "" {
			continue
		}
		if _, ok := x.ending[pod.UID]; !ok {
			x.ending[pod.UID] = time.Now()
		}
		for _, by := range told {
			which := news{of: pod.UID, to: by.UID}
			switch isTold := slices.Contains(by.addresses, gossip(pod)); {
			case !isTold:
				x.gone[which] = true
			case x.gone[which] || by.CreationTimestamp.After(endBegan(pod)):
				return fmt.Sprintf("%s was told of %s, which ends, and that was known", by.Name, pod.Name)
			default:
				x.slowest = max(x.slowest, time.Since(x.ending[pod.UID]))
			}
		}
	}
	return x.toldOfNobody(told, pods)
}

// endBegan is when the pod was told to end.
func endBegan(pod corev1.Pod) time.Time {
	return pod.DeletionTimestamp.Add(-time.Duration(*pod.DeletionGracePeriodSeconds) * time.Second)
}

// An answer is what a node is told.
type answer struct {
	corev1.Pod
	addresses []string
}

// toldOf gives what all nodes are told that answer: not those that start, or end.
func toldOf(pods []corev1.Pod) (told []answer) {
	for _, pod := range nodesOf(pods) {
		if addresses, err := peers(pod); err == nil {
			told = append(told, answer{pod, addresses})
		}
	}
	return told
}

// toldOfNobody says which address was handed out whose pod is no more.
func (x *watch) toldOfNobody(told []answer, before []corev1.Pod) string {
	after, err := x.world.list()
	if err != nil {
		return ""
	}
	var hosts []string
	for _, pod := range slices.Concat(before, after) {
		hosts = append(hosts, pod.Status.PodIP)
	}
	for _, by := range told {
		for _, address := range by.addresses {
			if host, _, _ := net.SplitHostPort(address); !slices.Contains(hosts, host) {
				return fmt.Sprintf("%s was told of %s, which is nobody's any more", by.Name, address)
			}
		}
	}
	return ""
}
