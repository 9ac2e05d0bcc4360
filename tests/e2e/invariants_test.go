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

// invariants are checked continuously while a scenario changes the cluster: there is
// never a second cluster, and the peers of a node are never pods that it knows to
// terminate, or addresses of pods that do not exist. Nodes of Pekko do not report their
// peers.
type invariants struct {
	env     *env
	stop    chan struct{}
	done    sync.WaitGroup
	checks  int
	problem string

	// removed has the terminating pods that have disappeared from the peers of a node.
	removed map[podOfNode]bool
	// terminating has the time at which each pod was first seen to terminate.
	terminating map[types.UID]time.Time
	// slowest is the longest time after that at which a pod was still a peer.
	slowest time.Duration
}

// podOfNode is a pod among the peers of a node.
type podOfNode struct{ pod, node types.UID }

func (e *env) startInvariants() *invariants {
	v := &invariants{
		env:         e,
		stop:        make(chan struct{}),
		removed:     map[podOfNode]bool{},
		terminating: map[types.UID]time.Time{},
	}
	v.done.Add(1)
	go v.run()
	return v
}

// end stops the checks, and fails the scenario if one has failed.
func (v *invariants) end() {
	v.env.Helper()
	close(v.stop)
	v.done.Wait()
	if v.problem != "" {
		v.env.Fatal(v.problem)
	}
	v.env.Logf("%d checks: never two clusters; %d pods terminated", v.checks, len(v.terminating))
	if len(v.removed) > 0 {
		v.env.Logf("they remained peers for at most %v", v.slowest.Round(time.Millisecond))
	}
}

func (v *invariants) run() {
	defer v.done.Done()
	for ; v.problem == ""; v.checks++ {
		select {
		case <-v.stop:
			return
		case <-time.After(50 * time.Millisecond):
		}
		// Without the API server, the pods are not known, and there is nothing to check.
		if views, err := v.env.views(); err == nil {
			v.problem = splitProblem(views)
		}
		if pods, err := v.env.list(); err == nil && v.problem == "" {
			v.problem = v.peersProblem(pods)
		}
	}
}

// peersProblem returns which node has a peer that it must not have, or "". A node may
// have a terminating peer only until it has processed the event. So it must not have
// it after it had removed it, or if the node itself was created after the pod began to
// terminate.
func (v *invariants) peersProblem(pods []corev1.Pod) string {
	nodes := peersOfNodes(pods)
	for _, pod := range pods {
		if pod.DeletionTimestamp == nil || !hasPort(pod) || pod.Status.PodIP == "" {
			continue
		}
		if _, ok := v.terminating[pod.UID]; !ok {
			v.terminating[pod.UID] = time.Now()
		}
		for _, node := range nodes {
			key := podOfNode{pod: pod.UID, node: node.UID}
			switch isPeer := slices.Contains(node.addresses, gossip(pod)); {
			case !isPeer:
				v.removed[key] = true
			case v.removed[key] || node.CreationTimestamp.After(terminationStart(pod)):
				return fmt.Sprintf("%s has the peer %s, which it knows to terminate",
					node.Name, pod.Name)
			default:
				v.slowest = max(v.slowest, time.Since(v.terminating[pod.UID]))
			}
		}
	}
	return v.unknownAddressProblem(nodes, pods)
}

// terminationStart returns when the pod was deleted.
func terminationStart(pod corev1.Pod) time.Time {
	gracePeriod := time.Duration(*pod.DeletionGracePeriodSeconds) * time.Second
	return pod.DeletionTimestamp.Add(-gracePeriod)
}

// nodePeers is a node with the addresses of its peers.
type nodePeers struct {
	corev1.Pod
	addresses []string
}

// peersOfNodes returns the nodes that answer. Those that start or terminate may not.
func peersOfNodes(pods []corev1.Pod) (nodes []nodePeers) {
	for _, pod := range nodesOf(pods) {
		if addresses, err := peers(pod); err == nil {
			nodes = append(nodes, nodePeers{pod, addresses})
		}
	}
	return nodes
}

// unknownAddressProblem returns which node has a peer whose address no pod has, or "".
func (v *invariants) unknownAddressProblem(nodes []nodePeers, before []corev1.Pod) string {
	after, err := v.env.list()
	if err != nil {
		return ""
	}
	var hosts []string
	for _, pod := range slices.Concat(before, after) {
		hosts = append(hosts, pod.Status.PodIP)
	}
	for _, node := range nodes {
		for _, address := range node.addresses {
			if host, _, _ := net.SplitHostPort(address); !slices.Contains(hosts, host) {
				return fmt.Sprintf("%s has the peer %s, which is not the address of a pod",
					node.Name, address)
			}
		}
	}
	return ""
}
