package e2e

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// fiveAtOnce starts five nodes at once. No pod is Ready before the cluster has formed,
// so a provider that requires readiness would find no peers.
func fiveAtOnce(e *env) {
	e.deploy(5)
	nodes := e.waitForCluster(5)
	e.waitUntilReady(5)
	e.requireStable(nodes)
	e.requireNoRestarts()
	for _, pod := range nodes {
		e.waitForRecords(pod, nodes)
	}
}

// coldStarts starts five nodes ten times, each node after a random delay.
func coldStarts(e *env) {
	const starts = 10
	e.deploy(0, setEnv("MIN_MEMBERS", "5"), setEnv("START_DELAY_MS", "3000"))
	for i := range starts {
		begin := time.Now()
		e.scale(5)
		nodes := e.waitForCluster(5)
		e.waitUntilReady(5)
		e.requireStable(nodes)
		e.requireNoRestarts()
		e.Logf("start %d of %d: one cluster of 5 after %.1f s", i+1, starts, time.Since(begin).Seconds())
		e.scale(0)
		e.waitUntilGone()
	}
}

// goaktsProvider starts five nodes with GoAkt's own provider, for comparison. It has no
// expectation, because versions of GoAkt differ.
func goaktsProvider(e *env) {
	e.deploy(5, setEnv("PROVIDER", "goakt"))
	e.waitUntilStarted(5)
	for seconds := 0; seconds <= 15; seconds += 5 {
		views := e.started()
		e.Logf("GoAkt's own provider, %2d s after all have started: %d clusters of %d nodes",
			seconds, len(clusters(views)), len(views))
		time.Sleep(5 * time.Second)
	}
}

// withoutRole starts three nodes that may not list pods, first with GoAkt's own
// provider, without an expectation. With kubepeers, the nodes must found no cluster and
// must report the missing Role. Once they have the Role, they form one cluster.
func withoutRole(e *env) {
	e.deploy(0, setEnv("MIN_MEMBERS", "3"), setEnv("PROVIDER", "goakt"))
	e.unbindRole()
	e.scale(3)
	e.waitUntilStarted(3)
	e.Logf("GoAkt's own provider without the Role: %d clusters of 3 nodes", len(clusters(e.started())))
	e.bindRole()
	time.Sleep(30 * time.Second)
	e.Logf("GoAkt's own provider 30 s after it has the Role: %d clusters of 3 nodes",
		len(clusters(e.started())))
	e.scale(0)
	e.waitUntilGone()

	e.unbindRole()
	e.change(setEnv("PROVIDER", "kubepeers"))
	e.scale(3)
	e.eventually("all nodes have logged the missing Role", func() string {
		silent := 3
		for _, pod := range e.nodes() {
			if reportsMissingRole(e.log(pod) + e.previousLog(pod)) {
				silent--
			}
		}
		return remaining("nodes that have not", silent)
	})
	if started := e.started(); len(started) > 0 {
		e.Fatalf("without the Role, the nodes %v have started; want none", sortedKeys(started))
	}
	e.bindRole()
	begin := time.Now()
	nodes := e.waitForCluster(3)
	e.Logf("kubepeers: no cluster without the Role; one cluster of 3 nodes %.1f s after they have it",
		time.Since(begin).Seconds())
	e.requireStable(nodes)
}

func reportsMissingRole(text string) bool {
	return strings.Contains(text, "FORBIDDEN") && strings.Contains(text, "bind a Role")
}

// cutOff starts a node that cannot reach the API server, and then three that can. The
// three must not wait for the first one.
func cutOff(e *env) {
	e.deploy(0, setEnv("MIN_MEMBERS", "3"))
	e.createPod("cut-off", func(pod *corev1.Pod) {
		container := &pod.Spec.Containers[0]
		// RFC 5737 reserves this address for documentation.
		container.Env = append(container.Env,
			corev1.EnvVar{Name: "KUBERNETES_SERVICE_HOST", Value: "192.0.2.1"})
	})
	e.eventually("the node that is cut off is Running", func() string {
		if nodes := e.nodes(); nodes[0].Status.Phase != corev1.PodRunning {
			return string(nodes[0].Status.Phase)
		}
		return ""
	})
	begin := time.Now()
	e.scale(3)
	var nodes []corev1.Pod
	e.eventually("the other nodes are one cluster", func() string {
		nodes = slices.DeleteFunc(e.nodes(), func(pod corev1.Pod) bool { return pod.Name == "cut-off" })
		if len(nodes) != 3 {
			return fmt.Sprintf("there are %d nodes", len(nodes))
		}
		return e.clusterProblem(nodes)
	})
	e.Logf("one cluster of 3 after %.1f s, while another node cannot reach the API server",
		time.Since(begin).Seconds())
	e.requireStable(nodes)
	for _, pod := range nodes {
		if n := restarts(pod); n > 0 {
			e.Errorf("%s: got %d restarts; want none. Its previous log:\n%s",
				pod.Name, n, e.previousLog(pod))
		}
	}
}

// scaled changes the number of replicas from one to five and to two.
func scaled(e *env) {
	e.deploy(1)
	alone := e.waitForCluster(1)
	addresses, err := peers(alone[0])
	e.check(err)
	if len(addresses) != 0 {
		e.Fatalf("got the peers %q for a single node; want none", addresses)
	}
	e.scale(5)
	e.requireStable(e.waitForCluster(5))
	e.scale(2)
	nodes := e.waitForCluster(2)
	e.requireStable(nodes)
	for _, pod := range nodes {
		e.waitForRecords(pod, nodes)
	}
}

// requireNoRestarts fails the scenario if a container was restarted, unless the reason
// was a panic of GoAkt.
func (e *env) requireNoRestarts() {
	e.Helper()
	for _, pod := range e.nodes() {
		if restarts(pod) == 0 {
			continue
		}
		log := e.previousLog(pod)
		if strings.Contains(log, "panic: ") && strings.Contains(log, "github.com/tochemey/olric") {
			e.Logf("%s was restarted after a panic of GoAkt", pod.Name)
			continue
		}
		e.Errorf("%s was restarted; want no restart. Its previous log:\n%s", pod.Name, log)
	}
}

// waitUntilReady waits until the Deployment has n pods, all of them Ready and of the
// current template.
func (e *env) waitUntilReady(n int) {
	e.Helper()
	e.eventually(fmt.Sprintf("%d pods are Ready", n), func() string {
		d := e.deployment()
		status := d.Status
		if status.ObservedGeneration == d.Generation && int(status.Replicas) == n &&
			int(status.ReadyReplicas) == n && int(status.UpdatedReplicas) == n {
			return ""
		}
		return fmt.Sprintf("%+v", status)
	})
}
