package e2e

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// hostNetwork has three nodes at the one address of the machine, each with
// ports of its own, and two that have addresses of their own.
func hostNetwork(w *world) {
	w.deploy(0) // their account
	for i := range 3 {
		w.pod("host-"+itoa(i), onHost(10*i))
	}
	for i := range 2 {
		w.pod("pod-" + itoa(i))
	}
	nodes := w.oneClusterOf(5)
	w.stays(nodes)
	for _, pod := range nodes {
		w.knowsOthers(pod, nodes)
	}
}

// onHost moves every port by an offset.
func onHost(offset int) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Spec.HostNetwork = true
		container := &pod.Spec.Containers[0]
		for i := range container.Ports {
			port := &container.Ports[i]
			port.ContainerPort += int32(10_000 + offset)
			port.HostPort = port.ContainerPort
			variable := corev1.EnvVar{Name: strings.ToUpper(port.Name) + "_PORT", Value: itoa(int(port.ContainerPort))}
			container.Env = append(container.Env, variable)
		}
	}
}

// ipv6 has the nodes find each other by the second address of their pods. It
// looks at members only: GoAkt 4.1.0 does not find actors at such addresses.
func ipv6(w *world) {
	w.deploy(3, setEnv("KUBEPEERS_IP_FAMILY", "ipv6"), bindsTo("status.podIPs"))
	var nodes []corev1.Pod
	w.eventually("one cluster of 3 at their second addresses", func() string {
		if nodes = w.nodes(); len(nodes) != 3 {
			return fmt.Sprintf("there are %d nodes", len(nodes))
		}
		for i := range nodes {
			if len(nodes[i].Status.PodIPs) != 2 {
				return nodes[i].Name + " has not"
			}
			nodes[i].Status.PodIP = nodes[i].Status.PodIPs[1].IP // what the helpers go by
		}
		return w.notYetOne(nodes)
	})
	w.stays(nodes)
	for _, pod := range nodes {
		w.eventually(pod.Name+" is told of the others", func() string {
			addresses, err := peers(pod)
			if err != nil {
				return err.Error()
			}
			others := addressesOfOthers(pod, nodes)
			if slices.Sort(addresses); !slices.Equal(addresses, others) || !strings.HasPrefix(addresses[0], "[") {
				return fmt.Sprintf("it is told of %q, not of %q", addresses, others)
			}
			return ""
		})
	}
}

// bindsTo has a node take its own address from another field of its pod.
func bindsTo(field string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		for i := range d.Spec.Template.Spec.Containers[0].Env {
			variable := &d.Spec.Template.Spec.Containers[0].Env[i]
			if variable.Name == "POD_IP" {
				variable.ValueFrom.FieldRef.FieldPath = field
			}
		}
	}
}

// sidecar has the node, and the ports, in a native sidecar that must have found
// the cluster before the main container may start: until then its pod is Pending.
func sidecar(w *world) {
	always := corev1.ContainerRestartPolicyAlways
	w.deploy(3, setEnv("KUBEPEERS_PENDING", "include"), func(d *appsv1.Deployment) {
		spec := &d.Spec.Template.Spec
		node := spec.Containers[0]
		node.RestartPolicy = &always
		node.StartupProbe = &corev1.Probe{
			ProbeHandler:     corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/ready", Port: intstr.FromString("http")}},
			PeriodSeconds:    1,
			FailureThreshold: 600,
		}
		spec.InitContainers = []corev1.Container{node}
		spec.Containers = []corev1.Container{{
			Name: "main", Image: node.Image, ImagePullPolicy: node.ImagePullPolicy,
			Command: []string{"sleep", "infinity"}, SecurityContext: node.SecurityContext,
		}}
	})
	nodes := w.oneClusterOf(3)
	w.ready(3) // The main containers have started.
	w.stays(nodes)
	for _, pod := range nodes {
		w.knowsOthers(pod, nodes)
	}
}
