package e2e

import (
	"os"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// doctorWithoutRole runs `kubepeers doctor` in a pod that has lost its Role, and
// applies the manifest that the command prints.
func doctorWithoutRole(e *env) {
	e.deployService()
	e.waitForMutualPeers(3)
	e.deleteRole()
	e.change(setEnv("VERSION", "2"))
	pod := e.waitForUnready("may not list pods")
	e.requireDoctor(pod, 1, "WRONG list: ", "may not list pods", "kind: Role\n",
		"resources: [pods]", "verbs: [list, watch]", "name: python-service",
		"namespace: "+e.namespace)
	if output := e.exec(pod, "kubepeers", "peers"); output.stdout != "" || output.status != 1 {
		e.Fatalf("kubepeers peers: got %+v; want status 1 and an empty stdout", output)
	}

	manifest := e.exec(pod, "kubepeers", "doctor", "--timeout", "60", "--manifest").stdout
	for _, object := range e.objects(strings.NewReader(manifest)) {
		e.create(object)
	}
	e.waitUntilReady(3) // During the update, there may be three pods that are about to end.
	pods := e.waitForMutualPeers(3)
	// The command lists terminating pods, too.
	e.eventually("the previous pods are gone", func() string {
		return remaining("pods", len(e.pods())-len(pods))
	})
	e.requireDoctor(pods[0], 0, "OK: ")
	e.requireCommandPeers(pods[0], pods)
}

// doctorWithoutToken runs the command in a pod that has no token. The service keeps
// running, so that it can be inspected, and reports why it is not Ready.
func doctorWithoutToken(e *env) {
	e.deployService(withToken(false))
	pod := e.waitForUnready("token")
	e.requireDoctor(pod, 1, "WRONG credentials: ", "automountServiceAccountToken: true")
	e.change(withToken(true))
	e.waitUntilReady(3)
	e.waitForMutualPeers(3)
}

// doctorWithoutShell runs the command in an image that contains nothing else, without
// and with the Role.
func doctorWithoutShell(e *env) {
	e.deployService(func(d *appsv1.Deployment) {
		d.Spec.Replicas = int32Ptr(2)
		container := &d.Spec.Template.Spec.Containers[0]
		container.Image = os.Getenv("COMMAND_IMAGE")
		container.Command = []string{"kubepeers", "watch"}
		container.ReadinessProbe = nil
	})
	var pods []corev1.Pod
	e.eventually("both pods print each other", func() string {
		if pods = e.nodes(); len(pods) != 2 {
			return remaining("pods", len(pods)-2)
		}
		for i, pod := range pods {
			if log := e.log(pod); !strings.Contains(log, pods[1-i].Name+" peer ") {
				return pod.Name + ": " + log
			}
		}
		return ""
	})
	e.requireDoctor(pods[0], 0, "OK: 1 peer", pods[1].Name)
	e.deleteRole()
	e.requireDoctor(pods[0], 1, "WRONG list: ", "may not list pods", "kind: Role\n")
	manifest := e.exec(pods[0], "kubepeers", "doctor", "--timeout", "60", "--manifest").stdout
	for _, object := range e.objects(strings.NewReader(manifest)) {
		e.create(object)
	}
	e.requireDoctor(pods[0], 0, "OK: 1 peer")
}

func withToken(mounted bool) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.AutomountServiceAccountToken = &mounted
	}
}

// requireDoctor runs `kubepeers doctor` in a pod. Its output must begin with the
// answer and contain all the parts.
func (e *env) requireDoctor(pod corev1.Pod, status int, answer string, parts ...string) {
	e.Helper()
	output := e.exec(pod, "kubepeers", "doctor", "--timeout", "60") // The machine may be busy.
	e.Logf("kubepeers doctor in %s: status %d\n%s", pod.Name, output.status, output.stdout)
	if output.status != status || !strings.HasPrefix(output.stdout, answer) || output.stderr != "" {
		e.Fatalf("got %+v; want status %d, the start %q and an empty stderr",
			output, status, answer)
	}
	for _, part := range parts {
		if !strings.Contains(output.stdout, part) {
			e.Fatalf("got %q; want it to contain %q", output.stdout, part)
		}
	}
}

// deleteRole deletes the Role and its binding.
func (e *env) deleteRole() {
	e.Helper()
	options, rbac := metav1.DeleteOptions{}, e.client.RbacV1()
	e.check(rbac.RoleBindings(e.namespace).Delete(background, "kubepeers-python-service", options))
	e.check(rbac.Roles(e.namespace).Delete(background, "kubepeers", options))
}

// waitForUnready waits for a pod that is not Ready and reports this reason.
func (e *env) waitForUnready(reason string) (unready corev1.Pod) {
	e.Helper()
	e.eventually("a pod is not Ready because of: "+reason, func() string {
		for _, pod := range e.nodes() {
			if _, err := get(pod, "/ready"); err != nil && strings.Contains(err.Error(), reason) {
				unready = pod
				return ""
			}
		}
		return "none is"
	})
	return unready
}
