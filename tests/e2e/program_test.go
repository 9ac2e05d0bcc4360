package e2e

import (
	"os"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// cProgram runs examples/c/events.c in two pods, in an image without a shell. It sets
// only the labels and the name of the port, and prints its own address and its peers.
func cProgram(e *env) { e.deployProgram() }

// programUser is the user of the program in C.
const programUser = 1000

// deployProgram waits until each of two pods has printed the other's address.
func (e *env) deployProgram(changes ...func(*appsv1.Deployment)) (pods []corev1.Pod) {
	e.Helper()
	e.deployService(append(changes, func(d *appsv1.Deployment) {
		d.Spec.Replicas = int32Ptr(2)
		container := &d.Spec.Template.Spec.Containers[0]
		container.Image = os.Getenv("PROGRAM_IMAGE")
		container.Command = []string{"events", "app=python-service", "gossip"}
		container.ReadinessProbe = nil
		container.SecurityContext.RunAsUser = new(int64(programUser))
	})...)
	e.eventually("both pods have printed their own address and the other's", func() string {
		if pods = e.nodes(); len(pods) != 2 {
			return remaining("pods", len(pods)-2)
		}
		for i, pod := range pods {
			log := e.log(pod)
			if !strings.HasPrefix(log, "self: "+gossip(pod)+"\n") ||
				!strings.HasSuffix(log, "peers: "+gossip(pods[1-i])+"\n") {
				return pod.Name + ": " + log
			}
		}
		return ""
	})
	return pods
}
