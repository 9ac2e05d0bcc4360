//go:build node

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// These tests need root and what is in the file "packages": `make test-node`.

const podImage = "localhost/testenv-test-pod:latest"

// podArchive builds the image of the tests' pods.
func podArchive(t *testing.T) string {
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

// onNode is a command that has this program do something on a node.
func onNode(archive, deed string) *exec.Cmd {
	return command([]string{inNode + "=" + deed}, "run", "--node", "--image", archive, "--", tool)
}

func TestNodeRunsPods(t *testing.T) {
	if r := finish(t, onNode(podArchive(t), "use")); r.status != 0 || r.stderr != "" {
		t.Errorf("status %d\n%s%s", r.status, r.stdout, r.stderr)
	}
}

// Whatever ends it, a node with pods leaves the machine as it was.
func TestNodeLeavesNothing(t *testing.T) {
	archive := podArchive(t)
	for _, e := range []struct {
		name   string
		deed   string // of the command, when there are pods
		end    func(t *testing.T, cmd *exec.Cmd, dir string)
		status int
	}{
		{"success", "return 0", nil, 0},
		{"failure", "return 7", nil, 7},
		{"a command that is killed", "die", nil, 128 + 9},
		{"Ctrl-C", "await SIGINT", func(t *testing.T, cmd *exec.Cmd, _ string) { signalGroup(t, cmd, syscall.SIGINT) }, 9},
		{"SIGTERM", "await SIGTERM", func(t *testing.T, cmd *exec.Cmd, _ string) { cmd.Process.Signal(syscall.SIGTERM) }, 8},
		{"kill -9", "wait", func(t *testing.T, cmd *exec.Cmd, _ string) { cmd.Process.Kill() }, -1},
		{"down", "wait", func(t *testing.T, _ *exec.Cmd, dir string) { must(t, nil, "down", "--dir", dir) }, 128 + 15},
		{"the end of the init process", "wait", func(t *testing.T, _ *exec.Cmd, dir string) { kill(t, dir, "init") }, 1},
		{"the end of the insider", "wait", func(t *testing.T, _ *exec.Cmd, dir string) { kill(t, dir, "inside") }, 128 + 9},
		{"the end of the reaper", "wait", func(t *testing.T, _ *exec.Cmd, dir string) { kill(t, dir, "reap") }, 1},
		{"the end of the kubelet", "wait", func(t *testing.T, _ *exec.Cmd, dir string) { kill(t, dir, "kubelet") }, 128 + 15},
		{"the end of containerd", "wait", func(t *testing.T, _ *exec.Cmd, dir string) { kill(t, dir, "containerd") }, 128 + 15},
	} {
		t.Run(e.name, func(t *testing.T) {
			before := lookAtMachine(t)
			cmd := onNode(archive, e.deed)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			dir, trace := startOnNode(t, cmd)
			if e.end != nil {
				e.end(t, cmd, dir)
			}
			wait(t, cmd)
			if got := cmd.ProcessState.ExitCode(); got != e.status {
				t.Errorf("status %d, want %d", got, e.status)
			}
			nothingLeft(t, dir)
			trace.gone(t)
			before.unchanged(t)
		})
	}
}

func TestNodeThatDoesNotStart(t *testing.T) {
	before := lookAtMachine(t)
	missing := filepath.Join(t.TempDir(), "missing.tar")
	mustFail(t, 1, nil, []string{"run", "--node", "--image", missing, "--", "true"}, "testenv run: ", missing)
	hidden := "/run/testenv-hidden"
	mustFail(t, 1, nil, []string{"run", "--node", "--dir", hidden, "--", "true"}, hidden, "choose")
	nothingLeft(t, hidden)
	mustFail(t, 127, nil, []string{"run", "--node", "--", "no-such-command"}, "no-such-command")
	before.unchanged(t)
}

func TestNodeInterruptedWhileItStarts(t *testing.T) {
	before := lookAtMachine(t)
	dir := filepath.Join(t.TempDir(), "node")
	assets := assets(t)
	script(t, filepath.Join(assets, "kube-apiserver"), "exec sleep 600")
	cmd := command([]string{"KUBEBUILDER_ASSETS=" + assets}, "run", "--node", "--dir", dir, "--", "true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(dir, "etcd.log"))
		return err == nil
	}, func() string { return "no etcd" })
	cmd.Process.Signal(syscall.SIGINT)
	wait(t, cmd)
	if got := cmd.ProcessState.ExitCode(); got != 128+2 {
		t.Errorf("status %d, want that of SIGINT", got)
	}
	nothingLeft(t, dir)
	before.unchanged(t)
}

func TestNodesSideBySide(t *testing.T) {
	archive := podArchive(t)
	for _, name := range []string{"one", "another"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r := finish(t, onNode(archive, "return 0")); r.status != 0 {
				t.Errorf("status %d\n%s%s", r.status, r.stdout, r.stderr)
			}
		})
	}
}

func TestNodeTellsWhatIsMissing(t *testing.T) {
	args := []string{"run", "--node", "--", "true"}
	lonely := filepath.Join(openDir(t), "cluster")
	err := copySelf(lonely)
	if err == nil {
		err = os.Chmod(lonely, 0o755)
	}
	if err == nil {
		err = os.Symlink(kubernetes, filepath.Join(filepath.Dir(lonely), "kubernetes"))
	}
	if err != nil {
		t.Fatal(err)
	}
	nobody := exec.Command(lonely, args...)
	nobody.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	bare := command([]string{"PATH=/nonexistent"}, args...)
	powerless := exec.Command("setpriv", append([]string{"--bounding-set=-sys_admin", tool}, args...)...)
	for _, c := range []struct {
		cmd   *exec.Cmd
		words []string
	}{
		{nobody, []string{"root"}},
		{exec.Command(lonely, args...), []string{"`make node`"}},
		{bare, []string{"containerd", "Debian package"}},
		{powerless, []string{"CAP_SYS_ADMIN"}},
	} {
		r := finish(t, c.cmd)
		if r.status != 1 || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%+v, want status 1 and one line with %q", r, c.words)
		}
		for _, word := range c.words {
			if !strings.Contains(r.stderr, word) {
				t.Errorf("no %q in %q", word, r.stderr)
			}
		}
	}
}

// openDir is a folder that everybody may look into.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "testenv-test-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// startOnNode returns when the command has pods.
func startOnNode(t *testing.T, cmd *exec.Cmd) (dir string, its trace) {
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
	its.namespaces = strings.Fields(readLine(t, stdout))
	its.cgroup = read(t, filepath.Join(dir, "cgroup"))
	return dir, its
}

func signalGroup(t *testing.T, cmd *exec.Cmd, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(-cmd.Process.Pid, s); err != nil {
		t.Error(err)
	}
}

func eventually(t *testing.T, done func() bool, why func() string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %v: %s", patience, why())
		}
	}
}
