package e2e

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// record is a kubepeers.Node.
type record struct {
	Name, UID, Addr                        string
	DiscoveryPort, RemotingPort, PeersPort int
	Ready                                  bool
	NodeName, Revision                     string
}

// recordOf returns the record of a pod as the API server has it.
func recordOf(pod corev1.Pod) record {
	return record{
		Name:          pod.Name,
		UID:           string(pod.UID),
		Addr:          pod.Status.PodIP,
		DiscoveryPort: portOf(pod, "gossip"),
		RemotingPort:  portOf(pod, "remoting"),
		PeersPort:     portOf(pod, "peers"),
		Ready:         isReady(pod),
		NodeName:      pod.Spec.NodeName,
		Revision:      pod.Labels["pod-template-hash"],
	}
}

func isReady(pod corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// waitForRecords waits until kubepeers on this node returns exactly the other nodes, with
// the records that the API server has.
func (e *env) waitForRecords(pod corev1.Pod, nodes []corev1.Pod) {
	e.Helper()
	e.eventually(pod.Name+" has the records of its peers", func() string {
		want := map[string]record{}
		for _, other := range e.nodes() {
			if other.UID != pod.UID {
				want[gossip(other)] = recordOf(other)
			}
		}
		if len(want) != len(nodes)-1 {
			return fmt.Sprintf("there are %d other nodes; want %d", len(want), len(nodes)-1)
		}
		addresses, err := peers(pod)
		if err != nil {
			return err.Error()
		}
		if slices.Sort(addresses); !slices.Equal(addresses, sortedKeys(want)) {
			return fmt.Sprintf("it has the peers %q; want %q", addresses, sortedKeys(want))
		}
		var records []record
		if err := getJSON(pod, "/nodes", &records); err != nil {
			return err.Error()
		}
		for _, got := range records {
			if !slices.Contains(slices.Collect(maps.Values(want)), got) {
				return fmt.Sprintf("it has the record %+v; want one of %+v", got, want)
			}
		}
		return ""
	})
}
