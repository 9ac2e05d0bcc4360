package e2e

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// serverDown stops the API server during a rolling update, and kills a node while it is
// stopped.
func serverDown(e *env) {
	e.deploy(5)
	e.waitForCluster(5)
	e.waitUntilReady(5)
	e.change(setEnv("VERSION", "2"))
	e.eventually("the first new pod is Ready", func() string {
		d := e.deployment()
		if d.Status.ObservedGeneration == d.Generation && d.Status.UpdatedReplicas >= 1 &&
			d.Status.ReadyReplicas >= 5 {
			return ""
		}
		return "it is not"
	})
	nodes := e.nodes()
	e.controlPlane("stop-server")
	for range 20 {
		e.requirePeers(nodes)
	}
	others := e.killOne(nodes)
	e.eventually("a node reports that the API server is unavailable", func() string {
		for _, pod := range others {
			if text, err := get(pod, "/health"); err == nil && strings.Contains(text, "UNAVAILABLE") {
				return ""
			}
		}
		return "none does"
	})
	e.requirePeers(others)
	e.controlPlane("start-server")
	e.waitUntilReady(5)
	e.requireStable(e.waitForCluster(5))
}

// startWithoutServer restarts all programs of a cluster of n nodes while the API server is
// stopped. They must wait for it, and then form one cluster. waits returns "" if a node
// waits, and otherwise what differs.
func (e *env) startWithoutServer(n int, waits func(corev1.Pod) string) {
	e.Helper()
	nodes := e.waitForCluster(n)
	e.waitUntilReady(n)
	e.controlPlane("stop-server")
	e.requireStable(nodes)
	for _, pod := range nodes {
		e.kill(pod)
	}
	for _, pod := range nodes {
		e.eventually(pod.Name+" waits for the API server", func() string { return waits(pod) })
	}
	e.controlPlane("start-server")
	begin := time.Now()
	e.waitForCluster(n)
	e.Logf("one cluster of %d nodes %.1f s after the API server has started",
		n, time.Since(begin).Seconds())
	e.waitUntilReady(n)
	for _, pod := range e.nodes() {
		if n := restarts(pod); n != 1 {
			e.Errorf("%s: got %d restarts; want only the one after it was killed. Its previous log:\n%s",
				pod.Name, n, e.previousLog(pod))
		}
	}
}

// killOne kills one of the nodes, and returns the others. During a rolling update, some
// nodes may not have started or may have ended.
func (e *env) killOne(nodes []corev1.Pod) (others []corev1.Pod) {
	e.Helper()
	for i, pod := range nodes {
		if _, err := members(pod); err != nil {
			continue
		}
		if _, err := sendSignal(pod, "KILL"); err == nil {
			return slices.Delete(slices.Clone(nodes), i, i+1)
		}
	}
	e.Fatalf("cannot kill any of %d nodes", len(nodes))
	return nil
}

// requirePeers fails the scenario if a running node has no peers, or returns an error.
func (e *env) requirePeers(nodes []corev1.Pod) {
	e.Helper()
	for _, pod := range nodes {
		_, errBefore := members(pod)
		addresses, err := peers(pod)
		if _, errAfter := members(pod); errBefore != nil || errAfter != nil {
			continue // The rolling update is starting or replacing it.
		}
		e.check(err)
		if len(addresses) == 0 {
			e.Fatalf("%s: got no peers; want some", pod.Name)
		}
	}
}

// roleRevoked revokes the Role of running nodes. It restarts the API server, because an
// open watch is not affected until it ends.
func roleRevoked(e *env) {
	e.deploy(3, setEnv("MIN_MEMBERS", "2"))
	nodes := e.waitForCluster(3)
	e.waitUntilReady(3)
	e.unbindRole()
	e.controlPlane("stop-server")
	e.controlPlane("start-server")
	for _, pod := range nodes {
		e.eventually(pod.Name+" reports the missing Role", func() string {
			text, err := get(pod, "/health")
			if err != nil {
				return err.Error()
			}
			if !reportsMissingRole(text) {
				return text
			}
			return ""
		})
		e.waitForRecords(pod, nodes)
	}
	e.requireStable(nodes)

	e.scale(4)
	e.eventually("the new node has logged the missing Role", func() string {
		for _, pod := range e.nodes() {
			if reportsMissingRole(e.log(pod)) {
				return ""
			}
		}
		return "it has not"
	})
	e.bindRole()
	nodes = e.waitForCluster(4)
	e.waitUntilReady(4)
	for _, pod := range nodes {
		e.eventually(pod.Name+" has recovered", func() string {
			text, err := get(pod, "/health")
			if err != nil {
				return err.Error()
			}
			if strings.Contains(text, "FORBIDDEN") {
				return text
			}
			return ""
		})
		e.waitForRecords(pod, nodes)
	}
}

// unbindRole deletes the RoleBinding of the GoAkt nodes.
func (e *env) unbindRole() {
	e.Helper()
	bindings := e.client.RbacV1().RoleBindings(e.namespace)
	e.check(bindings.Delete(background, "kubepeers-goakt-node", metav1.DeleteOptions{}))
}

// bindRole creates the RoleBinding of the GoAkt nodes again.
func (e *env) bindRole() {
	e.Helper()
	for _, object := range e.manifest("goakt.yaml") {
		if binding, ok := object.(*rbacv1.RoleBinding); ok {
			binding.Namespace, binding.Subjects[0].Namespace = e.namespace, e.namespace
			e.create(binding)
		}
	}
}
