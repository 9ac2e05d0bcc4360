package e2e

import (
	"os"

	appsv1 "k8s.io/api/apps/v1"
)

// jgroupsColdStart starts three members of JGroups at once. They run with the example
// Deployment of Memberlist, because they have the same pages.
func jgroupsColdStart(e *env) {
	e.deployRing(3, withWritableTmp, func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.Containers[0].Image = os.Getenv("JGROUPS_IMAGE")
	})
	nodes := e.waitForCluster(3)
	e.waitUntilReady(3)
	e.requireStable(nodes)
	e.requireNoRestarts()
}
