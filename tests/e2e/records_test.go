package e2e

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// A record is what our provider tells of a peer besides its address.
type record struct {
	Name, UID, Addr                        string
	DiscoveryPort, RemotingPort, PeersPort int
	Ready                                  bool
	NodeName, Revision                     string
}

// recordOf is what the API server says of the pod.
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

// knowsOthers waits until our provider on this node tells of the other ones
// what the API server does, and of nobody else.
func (w *world) knowsOthers(pod corev1.Pod, nodes []corev1.Pod) {
	w.Helper()
	w.eventually(pod.Name+" is told of its peers as they are", func() string {
		want := map[string]record{}
		for _, other := range w.nodes() {
			if other.UID != pod.UID {
				want[gossip(other)] = recordOf(other)
			}
		}
		if len(want) != len(nodes)-1 {
			return fmt.Sprintf("there are %d others", len(want))
		}
		addresses, err := peers(pod)
		if err != nil {
			return err.Error()
		}
		if slices.Sort(addresses); !slices.Equal(addresses, sorted(want)) {
			return fmt.Sprintf("it is told of %q, not of %q", addresses, sorted(want))
		}
		var records []record
		if err := getJSON(pod, "/nodes", &records); err != nil {
			return err.Error()
		}
		for _, told := range records {
			if !slices.Contains(values(want), told) {
				return fmt.Sprintf("%+v is none of %+v", told, want)
			}
		}
		return ""
	})
}

func values(records map[string]record) (all []record) {
	for _, key := range sorted(records) {
		all = append(all, records[key])
	}
	return all
}
