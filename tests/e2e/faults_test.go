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

// A watch looks again and again for what must never be, while something else
// goes on.
type watch struct {
	world *world
	stop  chan struct{}
	done  sync.WaitGroup
	looks int
	fault string
	// gone is when a pod that ends was first seen not to be handed out by anybody.
	gone map[types.UID]time.Time
	// ending is when a pod was first seen to end.
	ending map[types.UID]time.Time
}

func (w *world) watchForFaults() *watch {
	x := &watch{world: w, stop: make(chan struct{}), gone: map[types.UID]time.Time{}, ending: map[types.UID]time.Time{}}
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
	slowest := time.Duration(0)
	for uid, began := range x.ending {
		if ended, ok := x.gone[uid]; ok {
			slowest = max(slowest, ended.Sub(began))
		}
	}
	x.world.Logf("looked %d times: never two clusters; %d pods ended, and nobody was sent to one later than %v after that was seen",
		x.looks, len(x.ending), slowest.Round(time.Millisecond))
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

// sentToTheDead says who is told of a pod that ends, though that was known
// before. Whoever is told of it right after it began to end may have been asked
// before the news came, and is asked again.
func (x *watch) sentToTheDead(pods []corev1.Pod) string {
	told := toldOf(pods)
	for _, pod := range pods {
		if pod.DeletionTimestamp == nil || !hasPort(pod) || pod.Status.PodIP == "" {
			continue
		}
		if _, ok := x.ending[pod.UID]; !ok {
			x.ending[pod.UID] = time.Now()
		}
		_, wasGone := x.gone[pod.UID]
		by, out := told[gossip(pod)]
		switch {
		case out && wasGone:
			return fmt.Sprintf("%s was told of %s again, which ends", by, pod.Name)
		case !out && !wasGone:
			x.gone[pod.UID] = time.Now()
		}
	}
	return x.toldOfNobody(told, pods)
}

// toldOf gives for each address that is handed out one of the nodes that are told.
func toldOf(pods []corev1.Pod) map[string]string {
	told := map[string]string{}
	for _, pod := range nodesOf(pods) {
		addresses, err := peers(pod)
		if err != nil {
			continue // It starts, or ends.
		}
		for _, address := range addresses {
			told[address] = pod.Name
		}
	}
	return told
}

// toldOfNobody says which address was handed out whose pod is no more.
func (x *watch) toldOfNobody(told map[string]string, before []corev1.Pod) string {
	after, err := x.world.list()
	if err != nil {
		return ""
	}
	var hosts []string
	for _, pod := range slices.Concat(before, after) {
		hosts = append(hosts, pod.Status.PodIP)
	}
	for address, by := range told {
		if host, _, _ := net.SplitHostPort(address); !slices.Contains(hosts, host) {
			return fmt.Sprintf("%s was told of %s, which is nobody's any more", by, address)
		}
	}
	return ""
}
