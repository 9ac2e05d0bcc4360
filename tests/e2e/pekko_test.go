package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// managementPort is the container port by which Pekko's nodes find each other. They
// also serve pages at it.
const managementPort = "management"

// pekkoColdStart starts three nodes of Pekko at once.
func pekkoColdStart(e *env) {
	e.deployPekko()
	invariants := e.startInvariants()
	nodes := e.waitForCluster(3)
	e.waitUntilReady(3)
	e.requireStable(nodes)
	invariants.end()
	e.requireNoRestarts()
}

// pekkoRollingUpdate replaces every pod while the invariants are checked.
func pekkoRollingUpdate(e *env) {
	e.deployPekko()
	before := e.waitForCluster(3)
	e.waitUntilReady(3)
	invariants := e.startInvariants()
	e.change(func(d *appsv1.Deployment) {
		d.Spec.Template.Annotations = map[string]string{"version": "2"}
	})
	e.waitUntilReady(3)
	nodes := e.waitForCluster(3)
	invariants.end()
	for _, pod := range nodes {
		if slices.ContainsFunc(before, func(old corev1.Pod) bool { return old.UID == pod.UID }) {
			e.Fatalf("the rolling update has not replaced %s", pod.Name)
		}
	}
	e.requireStable(nodes)
	e.requireNoRestarts()
}

// pekkoWithoutServer restarts all programs while the API server is stopped. They wait
// for it, and then form one cluster.
func pekkoWithoutServer(e *env) {
	e.deployPekko()
	e.startWithoutServer(3, func(pod corev1.Pod) string {
		log, err := restartedLog(pod)
		if err != nil {
			return err.Error()
		}
		if !strings.Contains(log, "cannot be reached") {
			return "it has logged only: " + log
		}
		var view pekkoView
		if err := getJSON(pod, "/cluster/members", &view); err != nil {
			return err.Error()
		}
		if len(view.Members) > 0 {
			e.Fatalf("without the API server, %s is in a cluster: %+v", pod.Name, view)
		}
		return ""
	})
}

// restartedLog returns the log after the first restart of a pod's first container. It
// reads the kubelet's file, because it does not need the API server.
func restartedLog(pod corev1.Pod) (string, error) {
	podLogs := fmt.Sprintf("/var/log/pods/%s_%s_%s", pod.Namespace, pod.Name, pod.UID)
	text, err := os.ReadFile(filepath.Join(podLogs, pod.Spec.Containers[0].Name, "1.log"))
	return string(text), err
}

// deployPekko applies the example Deployment of three Pekko nodes.
func (e *env) deployPekko(changes ...func(*appsv1.Deployment)) {
	e.Helper()
	e.clustering = pekko
	setImage := func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.Containers[0].Image = os.Getenv("PEKKO_IMAGE")
	}
	e.apply("pekko.yaml", slices.Insert(changes, 0, setImage, withWritableTmp)...)
}

// withWritableTmp is what docs/pekko.md requires for the Java of Debian.
func withWritableTmp(d *appsv1.Deployment) {
	spec := &d.Spec.Template.Spec
	spec.Volumes = append(spec.Volumes, corev1.Volume{
		Name:         "tmp",
		VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}},
	})
	container := &spec.Containers[0]
	container.VolumeMounts = append(container.VolumeMounts,
		corev1.VolumeMount{Name: "tmp", MountPath: "/tmp"})
}

var pekko = clustering{problem: pekkoProblem, members: pekkoMembers}

// pekkoView is what a node of Pekko knows about its cluster.
type pekkoView struct {
	Leader, Oldest string
	Members        []struct{ Node, Status string }
	Unreachable    []struct{ Node string }
}

// pekkoProblem returns why nodes of Pekko are not one cluster, or "". A node that is
// busy may be unreachable for a moment, which is an error.
func pekkoProblem(nodes []corev1.Pod) (problem string, err error) {
	var want []string
	for _, pod := range nodes {
		want = append(want, fmt.Sprintf("pekko://demo@%s Up", self(pod)))
	}
	slices.Sort(want)
	var first pekkoView
	for i, pod := range nodes {
		var view pekkoView
		if err := getJSON(pod, "/cluster/members", &view); err != nil {
			return "", err
		}
		if len(view.Unreachable) > 0 {
			return "", fmt.Errorf("%s cannot reach %+v", pod.Name, view.Unreachable)
		}
		var got []string
		for _, member := range view.Members {
			got = append(got, member.Node+" "+member.Status)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			return fmt.Sprintf("%s has the members %q; want %q", pod.Name, got, want), nil
		}
		if i == 0 {
			first = view
		}
		if view.Leader != first.Leader || view.Oldest != first.Oldest || view.Leader == "" {
			return fmt.Sprintf("%s has the leader %q and the oldest member %q; %s has %q and %q",
				pod.Name, view.Leader, view.Oldest, nodes[0].Name, first.Leader, first.Oldest), nil
		}
	}
	return "", nil
}

// pekkoMembers returns the members that Pekko on this node knows. It fails before the
// node is in a cluster.
func pekkoMembers(pod corev1.Pod) (map[string]member, error) {
	var view pekkoView
	if err := getJSON(pod, "/cluster/members", &view); err != nil {
		return nil, err
	}
	if len(view.Members) == 0 {
		return nil, fmt.Errorf("%s is not in a cluster", pod.Name)
	}
	all := map[string]member{}
	for _, one := range view.Members {
		_, address, _ := strings.Cut(one.Node, "@")
		host, text, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", pod.Name, err)
		}
		port, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", pod.Name, err)
		}
		all[address] = member{Host: host, PeersPort: port, RemotingPort: port}
	}
	return all, nil
}
