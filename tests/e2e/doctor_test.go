package e2e

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// doctorWithoutRole asks the command in a pod why no peers are found. What it
// prints mends that.
func doctorWithoutRole(w *world) {
	w.deployService()
	w.knowEachOther(3)
	w.takeRoleAway()
	w.change(setEnv("VERSION", "2"))
	pod := w.unready("may not list pods")
	w.doctor(pod, 1, "\nwrong: permission\n", "may not list pods", "kind: Role\n", "resources: [pods]",
		"verbs: [list, watch]", "name: python-service", "namespace: "+w.namespace)
	if said := w.exec(pod, "kubepeers", "peers"); said.stdout != "" || said.status != 1 {
		w.Fatalf("`kubepeers peers` says %+v", said)
	}

	for _, object := range w.objects(strings.NewReader(w.exec(pod, "kubepeers", "doctor", "--timeout", "60", "--manifest").stdout)) {
		w.create(object)
	}
	w.ready(3) // First: in the middle of the update there may be three that do not stay.
	pods := w.knowEachOther(3)
	// The command tells of those too that are about to end.
	w.eventually("the former ones are gone", func() string { return left("pods", len(w.pods())-len(pods)) })
	w.doctor(pods[0], 0, "\nall is well\n")
	w.commandKnows(pods[0], pods)
}

// doctorWithoutToken asks it in a pod that has no token of its service account.
// Its service stays, to be looked at, and says why it is not ready.
func doctorWithoutToken(w *world) {
	w.deployService(withToken(false))
	pod := w.unready("token")
	w.doctor(pod, 1, "\nwrong: credentials\n", "automountServiceAccountToken: true")
	w.change(withToken(true))
	w.ready(3)
	w.knowEachOther(3)
}

func withToken(yes bool) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) { d.Spec.Template.Spec.AutomountServiceAccountToken = &yes }
}

// doctor runs `kubepeers doctor` in a pod, which is to exit with this status, to
// end with these words, and to say all that.
func (w *world) doctor(pod corev1.Pod, status int, outcome string, parts ...string) {
	w.Helper()
	said := w.exec(pod, "kubepeers", "doctor", "--timeout", "60") // The machine may be busy.
	w.Logf("kubepeers doctor, in %s, exits with %d:\n%s", pod.Name, said.status, said.stdout)
	if said.status != status || !strings.HasSuffix(said.stdout, outcome) || said.stderr != "" {
		w.Fatalf("not with %d and %q: %+v", status, outcome, said)
	}
	for _, part := range parts {
		if !strings.Contains(said.stdout, part) {
			w.Fatalf("it does not say %q", part)
		}
	}
}

func (w *world) takeRoleAway() {
	w.Helper()
	options, rbac := metav1.DeleteOptions{}, w.client.RbacV1()
	w.check(rbac.RoleBindings(w.namespace).Delete(nowhere, "kubepeers-python-service", options))
	w.check(rbac.Roles(w.namespace).Delete(nowhere, "kubepeers", options))
}

// unready waits for a pod that is not ready, and says this of it.
func (w *world) unready(because string) (unready corev1.Pod) {
	w.Helper()
	w.eventually("a pod is not ready because of "+because, func() string {
		for _, pod := range w.nodes() {
			if _, err := get(pod, "/ready"); err != nil && strings.Contains(err.Error(), because) {
				unready = pod
				return ""
			}
		}
		return "not yet"
	})
	return unready
}
