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

// asTool is a variable that makes the test program behave as testenv. So the tests run
// the code that they were built with and need no second build.
const asTool = "TESTENV_TEST_AS_TOOL"

// patience prevents hangs. No test requires anything to be fast.
const patience = 2 * time.Minute

var (
	tool       string // path of a copy of this program, next to links to the others
	kubernetes string // path of the program with etcd and kube-apiserver
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
		err = copyThisProgram(tool)
	}
	if err == nil {
		kubernetes, err = findKubernetes()
	}
	for _, name := range []string{"kubernetes", "node", "pause"} {
		if err == nil {
			target := filepath.Join(filepath.Dir(kubernetes), name)
			err = os.Symlink(target, filepath.Join(dir, name))
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
		return "", fmt.Errorf("cannot find the program kubernetes: run `make control-plane`, "+
			"or set TESTENV_BIN to its directory (%w)", err)
	}
	return path, nil
}

func copyThisProgram(path string) error {
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	data, err := os.ReadFile(executable)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o700)
}

// result is the outcome of a command.
type result struct {
	status         int
	stdout, stderr string
}

// call runs testenv.
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

// must runs testenv, which must succeed and write nothing to stderr.
func must(t *testing.T, env []string, args ...string) string {
	t.Helper()
	r := call(t, env, args...)
	if r.status != 0 || r.stderr != "" {
		t.Fatalf("testenv %q: status %d\n%s%s", args, r.status, r.stdout, r.stderr)
	}
	return r.stdout
}

// mustFail runs testenv, which must end with status 1 and a message with all words.
func mustFail(t *testing.T, env []string, args []string, words ...string) {
	t.Helper()
	r := call(t, env, args...)
	if r.status != 1 {
		t.Errorf("testenv %q: status %d, want 1\n%s", args, r.status, r.stderr)
	}
	for _, word := range words {
		if !strings.Contains(r.stderr, word) {
			t.Errorf("testenv %q: no %q in:\n%s", args, word, r.stderr)
		}
	}
}

// newCluster starts a cluster. It returns its directory and the environment of its
// clients.
func newCluster(t *testing.T, env ...string) (dir string, client []string) {
	t.Helper()
	dir = newDir(t)
	kubeconfig := strings.TrimSpace(must(t, env, "up", "--dir", dir))
	return dir, []string{"KUBECONFIG=" + kubeconfig}
}

// newDir returns the path of a directory for a cluster, which it stops at the end of
// the test. The path is longer than the path of a socket may be.
func newDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 40))
	t.Cleanup(func() {
		must(t, nil, "down", "--dir", dir)
		nothingLeft(t, dir)
	})
	return dir
}

// nothingLeft waits until neither the directory nor a process of its cluster exists.
func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	var left []string
	eventually(t, func() bool {
		left = nil
		for pid, args := range processes(t, dir) {
			left = append(left, fmt.Sprintf("process %d: %.200s", pid, strings.Join(args, " ")))
		}
		if _, err := os.Lstat(dir); !os.IsNotExist(err) {
			left = append(left, fmt.Sprintf("directory %s (%v)", dir, err))
		}
		return left == nil
	}, func() string { return "the cluster left\n" + strings.Join(left, "\n") })
}

// processes returns the arguments of the processes of the cluster in dir, by pid: those
// that work in dir or have it as their second argument.
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

// kill kills a process of the cluster in dir that runs the program or subcommand.
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
	t.Fatalf("no process %s of the cluster in %s", program, dir)
}

// writeScript writes an executable shell script.
func writeScript(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

// newAssets returns a directory for KUBEBUILDER_ASSETS. A test may replace the programs
// in it.
func newAssets(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"etcd", "kube-apiserver"} {
		text := fmt.Sprintf(`exec '%s' %s "$@"`, kubernetes, name)
		writeScript(t, filepath.Join(dir, name), text)
	}
	return dir
}

// wait waits for a command that has been started, and kills it if it does not exit.
func wait(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	timer := time.AfterFunc(patience, func() {
		t.Errorf("%q does not exit", cmd.Args)
		cmd.Process.Kill()
	})
	defer timer.Stop()
	cmd.Wait()
}

// eventually waits until done returns true. After patience it fails with the message.
func eventually(t *testing.T, done func() bool, message func() string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %v: %s", patience, message())
		}
	}
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
