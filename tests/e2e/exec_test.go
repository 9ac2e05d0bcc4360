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

// result is the output of a command in a pod, and its exit status.
type result struct {
	stdout, stderr string
	status         int
}

// exec runs a command in a pod's first container, like `kubectl exec`.
func (e *env) exec(pod corev1.Pod, command ...string) result {
	e.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	e.check(err)
	options := &corev1.PodExecOptions{Command: command, Stdout: true, Stderr: true}
	request := e.client.CoreV1().RESTClient().Post().Namespace(e.namespace).
		Resource("pods").Name(pod.Name).SubResource("exec").
		VersionedParams(options, scheme.ParameterCodec)
	executor, err := remotecommand.NewWebSocketExecutor(config, "GET", request.URL().String())
	e.check(err)
	var stdout, stderr bytes.Buffer
	err = executor.StreamWithContext(e.Context(),
		remotecommand.StreamOptions{Stdout: &stdout, Stderr: &stderr})
	var exitErr exec.CodeExitError
	if err != nil && !errors.As(err, &exitErr) {
		e.Fatalf("%s: %s: %v\n%s", pod.Name, strings.Join(command, " "), err, &stderr)
	}
	return result{stdout.String(), stderr.String(), exitErr.Code}
}
