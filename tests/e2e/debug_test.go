package e2e

import (
	"encoding/json"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// debug runs a command in a new debug container with the image of the command, like
// `kubectl debug --target`. The container sees the processes of the pod's first
// container. Its output, which is also that of `kubectl logs`, is in stdout.
func (e *env) debug(pod corev1.Pod, as *corev1.SecurityContext, command ...string) result {
	e.Helper()
	pods := e.client.CoreV1().Pods(e.namespace)
	current, err := pods.Get(background, pod.Name, metav1.GetOptions{})
	e.check(err)
	name := "debugger-" + itoa(len(current.Spec.EphemeralContainers))
	container := corev1.EphemeralContainer{
		TargetContainerName: pod.Spec.Containers[0].Name,
		EphemeralContainerCommon: corev1.EphemeralContainerCommon{
			Name: name, Image: os.Getenv("COMMAND_IMAGE"), Command: command, SecurityContext: as,
		},
	}
	body, err := json.Marshal(map[string]any{
		"spec": map[string]any{"ephemeralContainers": []corev1.EphemeralContainer{container}},
	})
	e.check(err)
	e.must(pods.Patch(background, pod.Name, types.StrategicMergePatchType, body,
		metav1.PatchOptions{}, "ephemeralcontainers"))

	var output result
	e.eventually("the container "+name+" has ended", func() string {
		current, err := pods.Get(background, pod.Name, metav1.GetOptions{})
		e.check(err)
		for _, status := range current.Status.EphemeralContainerStatuses {
			if status.Name == name && status.State.Terminated != nil {
				output.status = int(status.State.Terminated.ExitCode)
				return ""
			}
		}
		return fmt.Sprint(current.Status.EphemeralContainerStatuses)
	})
	log, err := pods.GetLogs(pod.Name, &corev1.PodLogOptions{Container: name}).DoRaw(background)
	e.check(err)
	output.stdout = string(log)
	return output
}
