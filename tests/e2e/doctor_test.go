package e2e

import (
	"strings"

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
	said := w.doctor(pod, 1, "\nwrong: permission\n")
	for _, part := range []string{"may not list pods", "kind: Role\n", "resources: [pods]", "verbs: [list, watch]", "name: python-service", "namespace: " + w.namespace} {
		if !strings.Contains(said, part) {
			w.Fatalf("it does not say %q", part)
		}
	}
	if said := w.exec(pod, "kubepeers", "peers"); said.stdout != "" || said.status != 1 {
		w.Fatalf("`kubepeers peers` says %+v", said)
	}

	for _, object := range w.objects(strings.NewReader(w.exec(pod, "kubepeers", "doctor", "--manifest").stdout)) {
		w.create(object)
	}
	pods := w.knowEachOther(3)
	w.ready(3)
	w.doctor(pods[0], 0, "\nall is well\n")
	w.commandKnows(pods[0], pods)
}

// doctorWithoutToken has a pod without its service account's token run the
// command, as its only one.
func doctorWithoutToken(w *world) {
	w.deployService()
	w.knowEachOther(3)
	template := w.deployment().Spec.Template
	no := false
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "doctor", Labels: template.Labels}, Spec: template.Spec}
	pod.Spec.AutomountServiceAccountToken = &no
	pod.Spec.RestartPolicy = corev1.RestartPolicyNever
	pod.Spec.Containers[0].Command = []string{"kubepeers", "doctor"}
	pod.Spec.Containers[0].ReadinessProbe = nil
	w.must(w.client.CoreV1().Pods(w.namespace).Create(nowhere, pod, metav1.CreateOptions{}))
	w.eventually("the doctor has found what is wrong", func() string {
		pod, err := w.client.CoreV1().Pods(w.namespace).Get(nowhere, "doctor", metav1.GetOptions{})
		w.check(err)
		if pod.Status.Phase != corev1.PodFailed {
			return string(pod.Status.Phase)
		}
		return ""
	})
	said := w.log(*pod)
	w.Logf("without a token:\n%s", said)
	for _, part := range []string{"automountServiceAccountToken: true", "\nwrong: credentials\n"} {
		if !strings.Contains(said, part) {
			w.Errorf("it does not say %q", part)
		}
	}
}

// doctor runs `kubepeers doctor` in a pod, which is to exit with this status and
// to end with these words.
func (w *world) doctor(pod corev1.Pod, status int, outcome string) string {
	w.Helper()
	said := w.exec(pod, "kubepeers", "doctor")
	w.Logf("kubepeers doctor, in %s, exits with %d:\n%s", pod.Name, said.status, said.stdout)
	if said.status != status || !strings.HasSuffix(said.stdout, outcome) || said.stderr != "" {
		w.Fatalf("not with %d and %q: %+v", status, outcome, said)
	}
	return said.stdout
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
