package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// pythonService has Python services find each other, whatever their number, and
// after one of them was killed.
func pythonService(w *world) {
	w.deployService(patientWith)
	w.knowEachOther(3)
	w.ready(3)
	w.scale(5)
	w.knowEachOther(5)
	w.ready(5)
	victim := w.nodes()[0]
	w.kill(victim)
	w.startsAgain(victim)
	w.knowEachOther(5)
	w.scale(2)
	pods := w.knowEachOther(2)
	for i, pod := range pods {
		w.eventually(pod.Name+" has written down who its peer is", func() string {
			if log := w.log(pod); !strings.Contains(log, "peers: "+gossip(pods[1-i])+"\n") {
				return log
			}
			return ""
		})
	}
	// Whoever does not end when told to would stay for longer than this waits.
	w.eventually("the others are gone", func() string { return left("pods", len(w.pods())-2) })
}

// deployService applies the example Deployment of three services in Python.
func (w *world) deployService(changes ...func(*appsv1.Deployment)) {
	w.Helper()
	w.apply("python-service.yaml", append([]func(*appsv1.Deployment){func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.Containers[0].Image = os.Getenv("SERVICE_IMAGE")
	}}, changes...)...)
}

// patientWith gives a pod longer to end than a scenario waits for anything.
func patientWith(d *appsv1.Deployment) {
	seconds := int64(2 * patience.Seconds())
	d.Spec.Template.Spec.TerminationGracePeriodSeconds = &seconds
}

// knowEachOther waits until there are so many services, and each is told of the
// others as the API server knows them.
func (w *world) knowEachOther(n int) []corev1.Pod {
	w.Helper()
	var pods []corev1.Pod
	w.eventually(fmt.Sprintf("%d know each other", n), func() string {
		if pods = w.nodes(); len(pods) != n {
			return fmt.Sprintf("there are %d", len(pods))
		}
		for _, pod := range pods {
			told, err := peers(pod)
			if err != nil {
				return err.Error()
			}
			if want := addressesOfOthers(pod, pods); !slices.Equal(slices.Sorted(slices.Values(told)), want) {
				return fmt.Sprintf("%s is told of %q, not of %q", pod.Name, told, want)
			}
		}
		return ""
	})
	return pods
}

func addressesOfOthers(pod corev1.Pod, pods []corev1.Pod) (addresses []string) {
	for _, other := range pods {
		if other.UID != pod.UID {
			addresses = append(addresses, gossip(other))
		}
	}
	slices.Sort(addresses)
	return addresses
}

// commandKnows has `kubepeers` in a pod tell of the others as the API server does.
func (w *world) commandKnows(pod corev1.Pod, pods []corev1.Pod) {
	w.Helper()
	want := strings.Join(addressesOfOthers(pod, pods), "\n") + "\n"
	said := w.exec(pod, "kubepeers", "peers", "--timeout", "60")
	lines := slices.Sorted(strings.Lines(said.stdout))
	if strings.Join(lines, "") != want || said.status != 0 {
		w.Fatalf("`kubepeers peers` in %s says %+v, not %q", pod.Name, said, want)
	}

	said = w.exec(pod, "kubepeers", "peers", "--timeout", "60", "--json")
	var told struct {
		Peers []struct{ UID, Revision string }
	}
	w.check(json.Unmarshal([]byte(said.stdout), &told))
	if len(told.Peers) != len(pods)-1 {
		w.Fatalf("%+v", said)
	}
	for _, peer := range told.Peers {
		if !slices.ContainsFunc(pods, func(other corev1.Pod) bool {
			return string(other.UID) == peer.UID && recordOf(other).Revision == peer.Revision
		}) {
			w.Fatalf("%+v is nobody", peer)
		}
	}

	// Into a pipe, it prints a line for each pod, then waits for changes.
	said = w.exec(pod, "sh", "-c", fmt.Sprintf("kubepeers watch | head -n %d", len(pods)))
	for _, other := range pods {
		line := fmt.Sprintf(" + %s peer %s ", other.Name, gossip(other))
		if other.UID == pod.UID {
			line = fmt.Sprintf(" + %s self %s", other.Name, pod.Status.PodIP)
		}
		if !strings.Contains(said.stdout, line) {
			w.Fatalf("`kubepeers watch` in %s does not say %q: %+v", pod.Name, line, said)
		}
	}
}
