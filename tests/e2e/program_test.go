package e2e

import (
	"os"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
)

// cProgram runs examples/c/events.c, which sets only the labels and the port's
// name, in two pods. Each prints its own address and that of the other.
func cProgram(w *world) {
	w.deployService(func(d *appsv1.Deployment) {
		replicas := int32(2)
		d.Spec.Replicas = &replicas
		container := &d.Spec.Template.Spec.Containers[0]
		container.Image = os.Getenv("PROGRAM_IMAGE")
		container.Command = []string{"events", "app=python-service", "gossip"}
		container.ReadinessProbe = nil
		user := int64(1000)
		d.Spec.Template.Spec.SecurityContext.RunAsUser = &user
	})
	w.eventually("both know their own address and the other's", func() string {
		pods := w.nodes()
		if len(pods) != 2 {
			return left("pods", len(pods)-2)
		}
		for i, pod := range pods {
			log := w.log(pod)
			if !strings.HasPrefix(log, "self: "+gossip(pod)+"\n") || !strings.HasSuffix(log, "peers: "+gossip(pods[1-i])+"\n") {
				return pod.Name + ": " + log
			}
		}
		return ""
	})
}
