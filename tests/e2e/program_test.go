package e2e

import (
	"os"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
)

// cProgram runs examples/c/events.c in two pods. It sets only the labels and the name
// of the port, and prints its own address and its peers.
func cProgram(e *env) {
	e.deployService(func(d *appsv1.Deployment) {
		d.Spec.Replicas = int32Ptr(2)
		container := &d.Spec.Template.Spec.Containers[0]
		container.Image = os.Getenv("PROGRAM_IMAGE")
		container.Command = []string{"events", "app=python-service", "gossip"}
		container.ReadinessProbe = nil
		user := int64(1000)
		d.Spec.Template.Spec.SecurityContext.RunAsUser = &user
	})
	e.eventually("both pods have printed their own address and the other's", func() string {
		pods := e.nodes()
		if len(pods) != 2 {
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
}
