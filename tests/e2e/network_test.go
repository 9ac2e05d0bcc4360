package e2e

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// hostNetwork starts three nodes that share the address of the machine, with different
// ports, and two nodes with addresses of their own.
func hostNetwork(e *env) {
	e.deploy(0) // It creates the service account.
	for i := range 3 {
		e.createPod(fmt.Sprint("host-", i), withHostNetwork(10*i))
	}
	for i := range 2 {
		e.createPod(fmt.Sprint("pod-", i))
	}
	nodes := e.waitForCluster(5)
	e.requireStable(nodes)
	for _, pod := range nodes {
		e.waitForRecords(pod, nodes)
	}
}

// withHostNetwork uses the network of the machine, and adds the offset to every port.
func withHostNetwork(offset int) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Spec.HostNetwork = true
		container := &pod.Spec.Containers[0]
		for i := range container.Ports {
			port := &container.Ports[i]
			port.ContainerPort += int32(10_000 + offset)
			port.HostPort = port.ContainerPort
			container.Env = append(container.Env, corev1.EnvVar{
				Name:  strings.ToUpper(port.Name) + "_PORT",
				Value: itoa(int(port.ContainerPort)),
			})
		}
	}
}

// ipv6 uses the second address of each pod. It checks only members, because GoAkt 4.1.0
// does not find actors at such addresses.
func ipv6(e *env) {
	e.deploy(3, setEnv("KUBEPEERS_IP_FAMILY", "ipv6"), withPodIPFrom("status.podIPs"))
	var nodes []corev1.Pod
	e.eventually("there is one cluster of 3 at the second addresses", func() string {
		if nodes = e.nodes(); len(nodes) != 3 {
			return fmt.Sprintf("there are %d nodes", len(nodes))
		}
		for i := range nodes {
			if len(nodes[i].Status.PodIPs) != 2 {
				return nodes[i].Name + " has no second address"
			}
			nodes[i].Status.PodIP = nodes[i].Status.PodIPs[1].IP // The helpers use this field.
		}
		return e.clusterProblem(nodes)
	})
	e.requireStable(nodes)
	for _, pod := range nodes {
		e.eventually(pod.Name+" has all peers", func() string {
			got, err := peers(pod)
			if err != nil {
				return err.Error()
			}
			want := addressesOfOthers(pod, nodes)
			if slices.Sort(got); !slices.Equal(got, want) || !strings.HasPrefix(got[0], "[") {
				return fmt.Sprintf("it has the peers %q; want %q", got, want)
			}
			return ""
		})
	}
}

// withPodIPFrom sets the environment variable POD_IP from another field of the pod.
func withPodIPFrom(field string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		for i := range d.Spec.Template.Spec.Containers[0].Env {
			variable := &d.Spec.Template.Spec.Containers[0].Env[i]
			if variable.Name == "POD_IP" {
				variable.ValueFrom.FieldRef.FieldPath = field
			}
		}
	}
}

// sidecar runs the node in a native sidecar. The main container starts only after the
// node has found the cluster. Until then the pod is Pending.
func sidecar(e *env) {
	always := corev1.ContainerRestartPolicyAlways
	e.deploy(3, setEnv("KUBEPEERS_PENDING", "include"), func(d *appsv1.Deployment) {
		spec := &d.Spec.Template.Spec
		node := spec.Containers[0]
		node.RestartPolicy = &always
		node.StartupProbe = &corev1.Probe{
			ProbeHandler: corev1.ProbeHandler{
				HTTPGet: &corev1.HTTPGetAction{Path: "/ready", Port: intstr.FromString("http")},
			},
			PeriodSeconds:    1,
			FailureThreshold: 600,
		}
		spec.InitContainers = []corev1.Container{node}
		spec.Containers = []corev1.Container{{
			Name:            "main",
			Image:           node.Image,
			ImagePullPolicy: node.ImagePullPolicy,
			Command:         []string{"sleep", "infinity"},
			SecurityContext: node.SecurityContext,
		}}
	})
	nodes := e.waitForCluster(3)
	e.waitUntilReady(3) // The main containers have started.
	e.requireStable(nodes)
	for _, pod := range nodes {
		e.waitForRecords(pod, nodes)
	}
}
