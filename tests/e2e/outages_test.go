package e2e

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// serverDown kills the API server in the middle of a rolling update, and kills
// a node while it is away.
func serverDown(w *world) {
	w.deploy(5)
	w.oneClusterOf(5)
	w.ready(5)
	w.change(setEnv("VERSION", "2"))
	w.eventually("the first new pod is ready", func() string {
		if d := w.deployment(); d.Status.ObservedGeneration == d.Generation && d.Status.UpdatedReplicas >= 1 && d.Status.ReadyReplicas >= 5 {
			return ""
		}
		return "not yet"
	})
	before := w.nodes()
	w.disturb("stop-server")
	for range 20 {
		w.answersGoOn(before)
	}
	others := w.killOneOf(before)
	w.eventually("somebody has noticed that the API server is away", func() string {
		for _, pod := range others {
			if text, err := get(pod, "/health"); err == nil && strings.Contains(text, "UNAVAILABLE") {
				return ""
			}
		}
		return "nobody"
	})
	w.answersGoOn(others)
	w.disturb("start-server")
	w.ready(5)
	w.stays(w.oneClusterOf(5))
}

// killOneOf kills one that runs, and gives the others. In a rolling update there
// may be one that has not begun, or that has ended.
func (w *world) killOneOf(nodes []corev1.Pod) (others []corev1.Pod) {
	w.Helper()
	for i, pod := range nodes {
		if _, err := members(pod); err != nil {
			continue
		}
		if _, err := tryToKill(pod); err == nil {
			return slices.Delete(slices.Clone(nodes), i, i+1)
		}
	}
	w.Fatalf("none of %d could be killed", len(nodes))
	return nil
}

// answersGoOn checks that each node that runs is told of peers, and not of an outage.
func (w *world) answersGoOn(nodes []corev1.Pod) {
	w.Helper()
	for _, pod := range nodes {
		_, notBegun := members(pod)
		addresses, err := peers(pod)
		if _, ended := members(pod); notBegun != nil || ended != nil {
			continue // There is a rolling update.
		}
		w.check(err)
		if len(addresses) == 0 {
			w.Fatalf("%s was told that it is alone", pod.Name)
		}
	}
}

// roleRevoked takes the role away from nodes that run. It is not noticed before
// the API server is asked the next time, so it is started again.
func roleRevoked(w *world) {
	w.deploy(3, setEnv("MIN_MEMBERS", "2"))
	nodes := w.oneClusterOf(3)
	w.ready(3)
	w.unbindRole()
	w.disturb("stop-server")
	w.disturb("start-server")
	for _, pod := range nodes {
		w.eventually(pod.Name+" says that it is forbidden", func() string {
			text, err := get(pod, "/health")
			if err != nil {
				return err.Error()
			}
			if !strings.Contains(text, "FORBIDDEN") || !strings.Contains(text, "bind a Role") {
				return text
			}
			return ""
		})
		w.knowsOthers(pod, nodes)
	}
	w.stays(nodes)

	w.scale(4)
	w.eventually("the new node says which role it lacks", func() string {
		for _, pod := range w.nodes() {
			if log := w.log(pod); strings.Contains(log, "FORBIDDEN") && strings.Contains(log, "bind a Role") {
				return ""
			}
		}
		return "not yet"
	})
	w.bindRole()
	nodes = w.oneClusterOf(4)
	w.ready(4)
	for _, pod := range nodes {
		w.eventually(pod.Name+" is well again", func() string {
			text, err := get(pod, "/health")
			if err != nil {
				return err.Error()
			}
			if strings.Contains(text, "FORBIDDEN") {
				return text
			}
			return ""
		})
		w.knowsOthers(pod, nodes)
	}
}

// unbindRole takes the Role away from the nodes of the example Deployment.
func (w *world) unbindRole() {
	w.Helper()
	w.check(w.client.RbacV1().RoleBindings(w.namespace).Delete(nowhere, "kubepeers-goakt-node", metav1.DeleteOptions{}))
}

// bindRole gives it back.
func (w *world) bindRole() {
	w.Helper()
	for _, object := range w.manifest("goakt.yaml") {
		if binding, ok := object.(*rbacv1.RoleBinding); ok {
			binding.Namespace, binding.Subjects[0].Namespace = w.namespace, w.namespace
			w.create(binding)
		}
	}
}
