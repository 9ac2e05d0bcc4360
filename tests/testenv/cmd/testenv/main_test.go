package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// asTool makes the test program behave as the tool, so that the tests run what
// they were built with, and need no second build.
const asTool = "TESTENV_TEST_AS_TOOL"

// patience bounds what would otherwise hang. No test expects anything to be
// quick.
const patience = 2 * time.Minute

var (
	tool       string // path of a copy of this program, beside the others
	kubernetes string // path of the file with etcd and kube-apiserver
)

func TestMain(m *testing.M) {
	if os.Getenv(asTool) != "" {
		os.Exit(status(os.Args[1:]))
	}
	os.Exit(setUp(m))
}

func setUp(m *testing.M) int {
	os.Setenv(asTool, "1")
	os.Unsetenv("KUBEBUILDER_ASSETS")
	os.Unsetenv("KUBECONFIG")
	dir, err := os.MkdirTemp("", "testenv-test-")
	if err == nil {
		defer os.RemoveAll(dir)
		tool = filepath.Join(dir, "testenv")
		err = copySelf(tool)
	}
	if err == nil {
		kubernetes, err = findKubernetes()
	}
	for _, name := range []string{"kubernetes", "node", "pause"} {
		if err == nil {
			err = os.Symlink(filepath.Join(filepath.Dir(kubernetes), name), filepath.Join(dir, name))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func findKubernetes() (string, error) {
	dir := os.Getenv("TESTENV_BIN")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "target", "testenv")
	}
	path, err := filepath.Abs(filepath.Join(dir, "kubernetes"))
	if err == nil {
		_, err = exec.LookPath(path)
	}
	if err != nil {
		return "", fmt.Errorf("these tests need Kubernetes: run `make control-plane`, or set TESTENV_BIN to the folder of the program `kubernetes` (%w)", err)
	}
	return path, nil
}

func copySelf(path string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	data, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o700)
}

// result is what a finished command left.
type result struct {
	status         int
	stdout, stderr string
}

// call runs the tool.
func call(t *testing.T, env []string, args ...string) result {
	t.Helper()
	return finish(t, command(env, args...))
}

func command(env []string, args ...string) *exec.Cmd {
	cmd := exec.Command(tool, args...)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

func finish(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// must runs the tool, which must succeed without a word of complaint.
func must(t *testing.T, env []string, args ...string) string {
	t.Helper()
	r := call(t, env, args...)
	if r.status != 0 || r.stderr != "" {
		t.Fatalf("testenv %q: status %d\n%s%s", args, r.status, r.stdout, r.stderr)
	}
	return r.stdout
}

// mustFail runs the tool, which must end with the status and say all of the words.
func mustFail(t *testing.T, status int, env []string, args []string, words ...string) {
	t.Helper()
	r := call(t, env, args...)
	if r.status != status {
		t.Errorf("testenv %q: status %d, want %d\n%s", args, r.status, status, r.stderr)
	}
	for _, word := range words {
		if !strings.Contains(r.stderr, word) {
			t.Errorf("testenv %q: no %q in:\n%s", args, word, r.stderr)
		}
	}
}

// newCluster starts a cluster, and returns its folder, and the environment for
// those who use it.
func newCluster(t *testing.T, env ...string) (dir string, use []string) {
	t.Helper()
	dir = clusterDir(t, "cluster")
	kubeconfig := strings.TrimSpace(must(t, env, "up", "--dir", dir))
	return dir, []string{"KUBECONFIG=" + kubeconfig}
}

// clusterDir is a path for a cluster, which is down when the test ends.
func clusterDir(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	t.Cleanup(func() {
		must(t, nil, "down", "--dir", dir)
		nothingLeft(t, dir)
	})
	return dir
}

// nothingLeft waits until neither the folder nor any process of its cluster is
// there.
func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	var left []string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		left = nil
		for pid, args := range processes(t, dir) {
			left = append(left, fmt.Sprintf("process %d: %.200s", pid, strings.Join(args, " ")))
		}
		if _, err := os.Lstat(dir); !os.IsNotExist(err) {
			left = append(left, fmt.Sprintf("folder %s (%v)", dir, err))
		}
		if left == nil {
			return
		}
	}
	t.Fatalf("the cluster left\n%s", strings.Join(left, "\n"))
}

// processes are those that work in dir, or are told to.
func processes(t *testing.T, dir string) map[int][]string {
	t.Helper()
	found := map[int][]string{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		proc := filepath.Join("/proc", entry.Name())
		data, _ := os.ReadFile(filepath.Join(proc, "cmdline")) // empty for a zombie
		args := strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
		cwd, _ := os.Readlink(filepath.Join(proc, "cwd"))
		if cwd == dir || cwd == dir+" (deleted)" || len(args) > 2 && args[2] == dir {
			found[pid] = args
		}
	}
	return found
}

// kill ends the process of the cluster in dir that was started as the program.
func kill(t *testing.T, dir, program string) {
	t.Helper()
	for pid, args := range processes(t, dir) {
		if len(args) > 1 && (args[1] == program || filepath.Base(args[0]) == program) {
			process, err := os.FindProcess(pid)
			if err == nil {
				err = process.Kill()
			}
			if err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("no process %s for %s", program, dir)
}

// script writes a program.
func script(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

// assets is a folder with the two programs, of which the test may replace one.
func assets(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"etcd", "kube-apiserver"} {
		script(t, filepath.Join(dir, name), fmt.Sprintf(`exec '%s' %s "$@"`, kubernetes, name))
	}
	return dir
}

// readLine reads up to the end of a line.
func readLine(t *testing.T, from io.Reader) string {
	t.Helper()
	var line []byte
	for b := make([]byte, 1); ; {
		if _, err := from.Read(b); err != nil {
			t.Fatalf("%v after %q", err, line)
		}
		if b[0] == '\n' {
			return string(line)
		}
		line = append(line, b[0])
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
