//go:build node

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// These tests need root and the packages in the file "packages": `make test-node`.

const podImage = "localhost/testenv-pod:latest"

// buildPodImage returns the path of an archive with the image of the tests' pods.
func buildPodImage(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "pod")
	build := exec.Command("go", "build", "-o", program, "./testdata/pod")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	archive := program + ".tar"
	must(t, nil, "image", "--name", podImage, program, archive)
	return archive
}

// nodeCommand returns a command that runs this program on a node, with a task.
func nodeCommand(archive, task string) *exec.Cmd {
	env := []string{nodeTask + "=" + task}
	return command(env, "run", "--node", "--image", archive, "--", tool)
}

// Both nodes have the same names and addresses.
func TestNodesRunPodsSideBySide(t *testing.T) {
	archive := buildPodImage(t)
	for _, name := range []string{"first", "second"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := finish(t, nodeCommand(archive, "check"))
			if r.status != 0 || r.stderr != "" {
				t.Errorf("status %d\n%s%s", r.status, r.stdout, r.stderr)
			}
		})
	}
}

// A node with pods leaves the machine as it was, however it ends.
func TestNodeLeavesNothing(t *testing.T) {
	archive := buildPodImage(t)
	type end func(t *testing.T, cmd *exec.Cmd, dir string)
	killing := func(program string) end {
		return func(t *testing.T, _ *exec.Cmd, dir string) { kill(t, dir, program) }
	}
	ctrlC := func(t *testing.T, cmd *exec.Cmd, _ string) {
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
			t.Error(err)
		}
	}
	down := func(t *testing.T, _ *exec.Cmd, dir string) { must(t, nil, "down", "--dir", dir) }
	killOwner := func(_ *testing.T, cmd *exec.Cmd, _ string) { cmd.Process.Kill() }
	for _, c := range []struct {
		name   string
		task   string // of the command, once there are pods
		end    end
		status int
	}{
		{"command exits", "exit 7", nil, 7},
		{"Ctrl-C", "await SIGINT", ctrlC, 9},
		{"owner is killed", "sleep", killOwner, -1},
		{"down", "sleep", down, 128 + 15},
		{"init process is killed", "sleep", killing("init"), 1},
		{"reaper is killed", "sleep", killing("reap"), 1},
		{"kubelet is killed", "sleep", killing("kubelet"), 128 + 15},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := inspectMachine(t)
			cmd := nodeCommand(archive, c.task)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			dir, traces := startOnNode(t, cmd)
			if c.end != nil {
				c.end(t, cmd, dir)
			}
			wait(t, cmd)
			if got := cmd.ProcessState.ExitCode(); got != c.status {
				t.Errorf("status %d, want %d", got, c.status)
			}
			nothingLeft(t, dir)
			traces.awaitGone(t)
			before.awaitUnchanged(t)
		})
	}
}

func TestNodeInterruptedDuringStartLeavesNothing(t *testing.T) {
	before := inspectMachine(t)
	dir := filepath.Join(t.TempDir(), "node")
	assets := newAssets(t)
	writeScript(t, filepath.Join(assets, "kube-apiserver"), "exec sleep 600")
	env := []string{"KUBEBUILDER_ASSETS=" + assets}
	cmd := command(env, "run", "--node", "--dir", dir, "--", "true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(dir, "etcd.log"))
		return err == nil
	}, func() string { return "etcd does not start" })
	cmd.Process.Signal(syscall.SIGINT)
	wait(t, cmd)
	if got := cmd.ProcessState.ExitCode(); got != 128+2 {
		t.Errorf("status %d, want that of SIGINT", got)
	}
	nothingLeft(t, dir)
	before.awaitUnchanged(t)
}

// startOnNode starts a nodeCommand and returns when its pods are ready.
func startOnNode(t *testing.T, cmd *exec.Cmd) (dir string, traces kernelTraces) {
	t.Helper()
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	dir = readLine(t, stdout)
	traces.namespaces = strings.Fields(readLine(t, stdout))
	traces.cgroup = read(t, filepath.Join(dir, "cgroup"))
	return dir, traces
}
