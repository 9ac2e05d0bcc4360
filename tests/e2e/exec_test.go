package e2e

import (
	"bytes"
	"errors"
	"io"
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
	return e.execWithInput(pod, nil, command...)
}

// execWithInput is exec with a standard input, like `kubectl exec -i`.
func (e *env) execWithInput(pod corev1.Pod, stdin io.Reader, command ...string) result {
	e.Helper()
	output, err := e.tryExec(pod, stdin, command...)
	if err != nil {
		e.Fatalf("%s: %s: %v\n%s", pod.Name, strings.Join(command, " "), err, output.stderr)
	}
	return output
}

// tryExec returns an error if the command cannot run.
func (e *env) tryExec(pod corev1.Pod, stdin io.Reader, command ...string) (result, error) {
	e.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	e.check(err)
	options := &corev1.PodExecOptions{
		Command: command, Stdin: stdin != nil, Stdout: true, Stderr: true,
	}
	request := e.client.CoreV1().RESTClient().Post().Namespace(e.namespace).
		Resource("pods").Name(pod.Name).SubResource("exec").
		VersionedParams(options, scheme.ParameterCodec)
	executor, err := remotecommand.NewWebSocketExecutor(config, "GET", request.URL().String())
	e.check(err)
	var stdout, stderr bytes.Buffer
	err = executor.StreamWithContext(e.Context(),
		remotecommand.StreamOptions{Stdin: stdin, Stdout: &stdout, Stderr: &stderr})
	var exitErr exec.CodeExitError
	if errors.As(err, &exitErr) {
		err = nil
	}
	return result{stdout.String(), stderr.String(), exitErr.Code}, err
}

// requireNoProgram fails if a pod's first container has the program.
func (e *env) requireNoProgram(pod corev1.Pod, program string) {
	e.Helper()
	output, err := e.tryExec(pod, nil, program)
	if err == nil || !strings.Contains(err.Error(), "executable file not found") {
		e.Fatalf("%s: got %v and %+v; want an image without %s", pod.Name, err, output, program)
	}
}
