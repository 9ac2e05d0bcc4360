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

// pythonService scales services in Python up and down, and kills one.
func pythonService(e *env) {
	e.deployService(withLongGracePeriod)
	e.waitForMutualPeers(3)
	e.waitUntilReady(3)
	e.scale(5)
	e.waitForMutualPeers(5)
	e.waitUntilReady(5)
	victim := e.nodes()[0]
	e.kill(victim)
	e.waitForRestart(victim)
	e.waitForMutualPeers(5)
	e.scale(2)
	pods := e.waitForMutualPeers(2)
	for i, pod := range pods {
		e.eventually(pod.Name+" has logged its peer", func() string {
			if log := e.log(pod); !strings.Contains(log, "peers: "+gossip(pods[1-i])+"\n") {
				return log
			}
			return ""
		})
	}
	// A service that ignored SIGTERM would remain for longer than this waits.
	e.eventually("the other pods are gone", func() string {
		return remaining("pods", len(e.pods())-2)
	})
}

// deployService applies the example Deployment of three services in Python.
func (e *env) deployService(changes ...func(*appsv1.Deployment)) {
	e.Helper()
	setServiceImage := func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.Containers[0].Image = os.Getenv("SERVICE_IMAGE")
	}
	e.apply("python-service.yaml", slices.Insert(changes, 0, setServiceImage)...)
}

// withLongGracePeriod sets a grace period that is longer than the test timeout.
func withLongGracePeriod(d *appsv1.Deployment) {
	seconds := int64(2 * testTimeout.Seconds())
	d.Spec.Template.Spec.TerminationGracePeriodSeconds = &seconds
}

// waitForMutualPeers waits until there are n services, and the peers of each are all the
// others.
func (e *env) waitForMutualPeers(n int) []corev1.Pod {
	e.Helper()
	var pods []corev1.Pod
	e.eventually(fmt.Sprintf("%d services are peers of each other", n), func() string {
		if pods = e.nodes(); len(pods) != n {
			return fmt.Sprintf("there are %d", len(pods))
		}
		for _, pod := range pods {
			got, err := peers(pod)
			if err != nil {
				return err.Error()
			}
			slices.Sort(got)
			if want := addressesOfOthers(pod, pods); !slices.Equal(got, want) {
				return fmt.Sprintf("%s has the peers %q; want %q", pod.Name, got, want)
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

// requireCommandPeers runs the command `kubepeers` in a pod, and compares its output
// with the pods.
func (e *env) requireCommandPeers(pod corev1.Pod, pods []corev1.Pod) {
	e.Helper()
	want := strings.Join(addressesOfOthers(pod, pods), "\n") + "\n"
	output := e.exec(pod, "kubepeers", "peers", "--timeout", "60")
	lines := slices.Sorted(strings.Lines(output.stdout))
	if strings.Join(lines, "") != want || output.status != 0 {
		e.Fatalf("kubepeers peers in %s: got %+v; want status 0 and %q", pod.Name, output, want)
	}

	output = e.exec(pod, "kubepeers", "peers", "--timeout", "60", "--json")
	var result struct {
		Peers []struct{ UID, Revision string }
	}
	e.check(json.Unmarshal([]byte(output.stdout), &result))
	if len(result.Peers) != len(pods)-1 {
		e.Fatalf("kubepeers peers --json: got %+v; want %d peers", output, len(pods)-1)
	}
	for _, peer := range result.Peers {
		if !slices.ContainsFunc(pods, func(other corev1.Pod) bool {
			return string(other.UID) == peer.UID && recordOf(other).Revision == peer.Revision
		}) {
			e.Fatalf("kubepeers peers --json: no pod has the UID and revision of %+v", peer)
		}
	}

	// The command prints a line for each pod, and then waits for changes.
	output = e.exec(pod, "sh", "-c", fmt.Sprintf("kubepeers watch | head -n %d", len(pods)))
	for _, other := range pods {
		line := fmt.Sprintf(" + %s peer %s ", other.Name, gossip(other))
		if other.UID == pod.UID {
			line = fmt.Sprintf(" + %s self %s", other.Name, pod.Status.PodIP)
		}
		if !strings.Contains(output.stdout, line) {
			e.Fatalf("kubepeers watch in %s: got %+v; want it to contain %q", pod.Name, output, line)
		}
	}
}
