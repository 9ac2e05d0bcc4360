package e2e

import (
	"bytes"
	"errors"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
)

// A result is what a command in a pod has printed, and its exit status.
type result struct {
	stdout, stderr string
	status         int
}

// exec runs a command in a pod's first container, as `kubectl exec` does.
func (w *world) exec(pod corev1.Pod, command ...string) result {
	w.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	w.check(err)
	request := w.client.CoreV1().RESTClient().Post().Namespace(w.namespace).Resource("pods").Name(pod.Name).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Command: command, Stdout: true, Stderr: true}, scheme.ParameterCodec)
	executor, err := remotecommand.NewWebSocketExecutor(config, "GET", request.URL().String())
	w.check(err)
	var stdout, stderr bytes.Buffer
	err = executor.StreamWithContext(w.Context(), remotecommand.StreamOptions{Stdout: &stdout, Stderr: &stderr})
	var ended exec.CodeExitError
	if err != nil && !errors.As(err, &ended) {
		w.Fatalf("%s: %s: %v\n%s", pod.Name, strings.Join(command, " "), err, &stderr)
	}
	return result{stdout.String(), stderr.String(), ended.Code}
}
