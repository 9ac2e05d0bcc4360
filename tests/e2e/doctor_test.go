package e2e

import (
	"fmt"
	"os"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
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

	e.applyManifestOfDoctor(pod)
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

// doctorWithoutShell runs the command in an image that contains nothing else, with and
// without the Role, and applies the manifest that the command prints. It runs the commands
// of docs/operations.md for images that have the command, with variables as options.
func doctorWithoutShell(e *env) {
	e.deployService(func(d *appsv1.Deployment) {
		d.Spec.Replicas = int32Ptr(2)
		container := &d.Spec.Template.Spec.Containers[0]
		container.Image = os.Getenv("COMMAND_IMAGE")
		container.Command = []string{"kubepeers", "watch"}
		container.ReadinessProbe = nil
		container.SecurityContext.RunAsUser = new(int64(programUser))
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
	pod := pods[0]
	isHealthy := "OK: 1 peer, and this pod is " + pod.Name + "\n"
	e.requireNoProgram(pod, "sh")
	e.requireDoctor(pod, 0, isHealthy, pods[1].Name)
	for _, command := range []string{"explain", "peers"} {
		output := e.exec(pod, "kubepeers", command, "--timeout", "60")
		if output.status != 0 || !strings.Contains(output.stdout, gossip(pods[1])) {
			e.Fatalf("kubepeers %s: got %+v; want %s", command, output, gossip(pods[1]))
		}
	}

	e.deleteRole()
	e.requireDoctor(pod, 1, "WRONG list: ", "may not list pods", "kind: Role\n")
	e.applyManifestOfDoctor(pod)
	e.requireDoctor(pod, 0, isHealthy)
}

// doctorInDebugContainer examines a program in C, whose image has neither a shell nor the
// command, from debug containers with the image of the command.
//
// It runs both commands of docs/operations.md, but without kubectl: it requests the same
// containers as the profile `general`, and as `restricted` with a user. The image
// contains only Debian's libc6, as distroless images do.
func doctorInDebugContainer(e *env) {
	pods := e.deployProgram(func(d *appsv1.Deployment) {
		// Otherwise the pod rejects a debug container that runs as root.
		d.Spec.Template.Spec.SecurityContext.RunAsNonRoot = nil
	})
	pod := pods[0]
	e.requireNoProgram(pod, "sh")
	e.requireNoProgram(pod, "kubepeers")

	doctor := []string{"kubepeers", "doctor", "--timeout", "60", "--pid", "1"}
	isHealthy := "OK: 1 peer, and this pod is " + pod.Name + "\n"
	e.requireReport(e.debug(pod, asRoot, doctor...), 0, isHealthy, pods[1].Name)
	doctor = append(doctor, "-l", "app=python-service", "-p", "gossip")
	e.requireReport(e.debug(pod, asUser(programUser), doctor...), 0, isHealthy)

	e.requireReport(e.debug(pod, asUser(programUser+1), doctor...), 1,
		"kubepeers: cannot examine process 1: permission denied", "SYS_PTRACE")
	e.deleteRole()
	e.requireReport(e.debug(pod, asRoot, doctor...), 1, "WRONG list: ", "may not list pods",
		"kind: Role\n")
}

// asRoot is the security context of the profile `general`.
var asRoot = &corev1.SecurityContext{
	Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"SYS_PTRACE"}},
}

// asUser is the security context of the profile `restricted` with a user.
func asUser(id int64) *corev1.SecurityContext {
	return &corev1.SecurityContext{
		RunAsUser:                &id,
		RunAsNonRoot:             new(true),
		AllowPrivilegeEscalation: new(false),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile: &corev1.SeccompProfile{
			Type: corev1.SeccompProfileTypeRuntimeDefault,
		},
	}
}

// doctorCopied copies the command of the tarball into running containers with a shell,
// and runs it there. It runs both commands of docs/operations.md. One image is Debian. The
// other has BusyBox, as Alpine has; Alpine itself is not run.
func doctorCopied(e *env) {
	images := map[string]string{
		"debian":  os.Getenv("MEMBERLIST_IMAGE"),
		"busybox": os.Getenv("BUSYBOX_IMAGE"),
	}
	e.deploy(0) // It creates the service account.
	for name, image := range images {
		e.createPod(name, func(pod *corev1.Pod) {
			container := &pod.Spec.Containers[0]
			container.Image = image
			container.Command = []string{"sleep", "3600"}
			container.ReadinessProbe = nil
			container.SecurityContext.RunAsUser = new(int64(programUser))
			container.VolumeMounts[0].MountPath = "/tmp"
		})
	}
	for _, pod := range e.waitUntilRunning(len(images)) {
		e.requireNoProgram(pod, "kubepeers")
		e.copyCommand(pod)
		report := e.exec(pod, "/tmp/kubepeers", "doctor", "--timeout", "60",
			"-l", "app=goakt-node", "-p", "gossip")
		e.requireReport(report, 0, "OK: 1 peer, and this pod is "+pod.Name+"\n")
	}
}

// copyCommand copies the command of the tarball to /tmp in a pod's first container.
func (e *env) copyCommand(pod corev1.Pod) {
	e.Helper()
	command, err := os.Open(os.Getenv("COMMAND"))
	e.check(err)
	defer command.Close()
	output := e.execWithInput(pod, command,
		"sh", "-c", "cat > /tmp/kubepeers && chmod +x /tmp/kubepeers")
	if output.status != 0 {
		e.Fatalf("cannot copy the command to %s: %+v", pod.Name, output)
	}
}

// applyManifestOfDoctor applies the manifest that the command prints in a pod.
func (e *env) applyManifestOfDoctor(pod corev1.Pod) {
	e.Helper()
	manifest := e.exec(pod, "kubepeers", "doctor", "--timeout", "60", "--manifest").stdout
	for _, object := range e.objects(strings.NewReader(manifest)) {
		e.create(object)
	}
	e.waitForPermission(true)
}

func withToken(mounted bool) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.AutomountServiceAccountToken = &mounted
	}
}

// requireDoctor runs `kubepeers doctor` in a pod.
func (e *env) requireDoctor(pod corev1.Pod, status int, answer string, parts ...string) {
	e.Helper()
	output := e.exec(pod, "kubepeers", "doctor", "--timeout", "60") // The machine may be busy.
	e.requireReport(output, status, answer, parts...)
}

// requireReport checks the output of `kubepeers doctor`. It must begin with the answer
// and contain all the parts.
func (e *env) requireReport(output result, status int, answer string, parts ...string) {
	e.Helper()
	e.Logf("kubepeers doctor: status %d\n%s", output.status, output.stdout)
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
	e.waitForPermission(false)
}

// waitForPermission waits until the API server applies a change of the Role.
func (e *env) waitForPermission(isAllowed bool) {
	e.Helper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: "system:serviceaccount:" + e.namespace + ":python-service",
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: e.namespace, Verb: "list", Resource: "pods",
		},
	}}
	reviews := e.client.AuthorizationV1().SubjectAccessReviews()
	e.eventually(fmt.Sprint("the permission to list pods is ", isAllowed), func() string {
		answer, err := reviews.Create(background, review, metav1.CreateOptions{})
		e.check(err)
		if answer.Status.Allowed != isAllowed {
			return fmt.Sprintf("%+v", answer.Status)
		}
		return ""
	})
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
