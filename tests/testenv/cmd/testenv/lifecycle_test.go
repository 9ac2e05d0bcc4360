package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestUpAndDownRejectDirectoryOfAnotherProgram(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"up", "down"} {
		mustFail(t, nil, []string{command, "--dir", dir}, dir, "holds no cluster")
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

// Another process can take the free port before the API server listens on it.
func TestUpRetriesIfAnotherProcessTakesThePort(t *testing.T) {
	assets := newAssets(t)
	writeScript(t, filepath.Join(assets, "kube-apiserver"), `
		if [ ! -e lost ]; then
			: > lost; echo 'listen tcp: bind: address already in use'; exit 1
		fi
		exec '`+kubernetes+`' kube-apiserver "$@"`)
	_, client := newCluster(t, "KUBEBUILDER_ASSETS="+assets)
	must(t, client, "namespace", "ns")
}

func TestFailedStartReportsTheLog(t *testing.T) {
	assets := newAssets(t)
	writeScript(t, filepath.Join(assets, "kube-apiserver"), "echo the reason >&2; exit 3")
	dir := newDir(t)
	mustFail(t, []string{"KUBEBUILDER_ASSETS=" + assets}, []string{"up", "--dir", dir},
		"kube-apiserver", "exit status 3", "the reason")
	nothingLeft(t, dir)
}

func TestClusterEndsIfOneProcessIsKilled(t *testing.T) {
	for _, program := range []string{"supervise", "etcd", "kube-apiserver", "reap"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			dir, _ := newCluster(t)
			kill(t, dir, program)
			nothingLeft(t, dir)
		})
	}
}

func TestRunPassesVariablesAndExitStatus(t *testing.T) {
	r := call(t, nil, "run", "--", "sh", "-c", `
		"$TESTENV" endpoint &&
		echo "KUBERNETES_SERVICE_HOST=$KUBERNETES_SERVICE_HOST" &&
		echo "KUBERNETES_SERVICE_PORT=$KUBERNETES_SERVICE_PORT" &&
		echo "$KUBECONFIG" &&
		! "$TESTENV" up --dir "$TESTENV_DIR" &&
		"$TESTENV" stop-server --dir "$TESTENV_DIR" &&
		"$TESTENV" start-server --dir "$TESTENV_DIR" &&
		"$TESTENV" namespace ns &&
		exit 7`)
	lines := strings.Fields(r.stdout)
	if r.status != 7 || len(lines) != 5 || !strings.Contains(r.stderr, "already running") {
		t.Fatalf("%+v, want status 7", r)
	}
	if lines[0] != lines[2] || lines[1] != lines[3] {
		t.Errorf("variables %q, want %q", lines[2:4], lines[:2])
	}
	nothingLeft(t, filepath.Dir(lines[4]))
}

// startRun starts `testenv run` with a shell script, which must print $KUBECONFIG
// first. It returns the directory of the cluster and the path of a file with the
// standard error. A pipe would stay open while any process of the cluster runs.
func startRun(t *testing.T, script string) (cmd *exec.Cmd, dir, stderr string) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd = command(nil, "run", "--", "sh", "-c", script)
	cmd.Stderr = file
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return cmd, filepath.Dir(readLine(t, stdout)), file.Name()
}

func TestRunForwardsSignals(t *testing.T) {
	cmd, dir, stderr := startRun(t, `
		trap 'exit 8' TERM
		echo "$KUBECONFIG"
		while :; do sleep 0.05; done`)
	cmd.Process.Signal(syscall.SIGTERM)
	wait(t, cmd)
	if got := cmd.ProcessState.ExitCode(); got != 8 {
		t.Errorf("status %d, want 8\n%s", got, read(t, stderr))
	}
	nothingLeft(t, dir)
}

func TestKilledRunLeavesNothing(t *testing.T) {
	// nothingLeft finds the command by its working directory.
	cmd, dir, _ := startRun(t, `
		cd "$(dirname "$KUBECONFIG")" && echo "$KUBECONFIG" && exec sleep 600`)
	cmd.Process.Kill()
	wait(t, cmd)
	nothingLeft(t, dir)
}

func TestRunFailsIfTheServerExits(t *testing.T) {
	cmd, dir, stderr := startRun(t, `echo "$KUBECONFIG"; exec sleep 600`)
	kill(t, dir, "kube-apiserver")
	wait(t, cmd)
	if cmd.ProcessState.Success() {
		t.Error("status 0")
	}
	text := read(t, stderr)
	for _, word := range []string{"kube-apiserver exited", "signal: killed", "its log:\n  "} {
		if !strings.Contains(text, word) {
			t.Errorf("no %q in:\n%s", word, text)
		}
	}
	nothingLeft(t, dir)
}
