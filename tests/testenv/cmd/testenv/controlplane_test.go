package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestUpAndDownSideBySide(t *testing.T) {
	var dirs [2]string
	var ups sync.WaitGroup
	for i := range dirs {
		dirs[i] = clusterDir(t, "cluster")
		ups.Add(1)
		go func() {
			defer ups.Done()
			r := call(t, nil, "up", "--dir", dirs[i])
			if want := filepath.Join(dirs[i], "kubeconfig") + "\n"; r.status != 0 || r.stdout != want || r.stderr != "" {
				t.Errorf("%+v, want status 0 and %q", r, want)
			}
		}()
	}
	ups.Wait()
	if t.Failed() {
		t.FailNow()
	}
	first := []string{"KUBECONFIG=" + filepath.Join(dirs[0], "kubeconfig")}
	second := []string{"KUBECONFIG=" + filepath.Join(dirs[1], "kubeconfig")}
	must(t, first, "namespace", "here")
	must(t, first, "pod", "--namespace", "here", "a")
	mustFail(t, 1, second, []string{"pod", "--namespace", "here", "a"}, `"here" not found`)

	mustFail(t, 1, nil, []string{"up", "--dir", dirs[0]}, "already running", dirs[0])
	must(t, nil, "down", "--dir", dirs[0])
	nothingLeft(t, dirs[0])
	must(t, nil, "down", "--dir", dirs[0])
	must(t, second, "namespace", "still-works")

	// The folder can be used again.
	must(t, nil, "up", "--dir", dirs[0])
	mustFail(t, 1, first, []string{"pod", "--namespace", "here", "a"}, `"here" not found`)
}

func TestFolderOfSomebodyElseIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "precious")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"up", "down"} {
		mustFail(t, 1, nil, []string{command, "--dir", dir}, dir, "holds no cluster")
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

func TestLongPath(t *testing.T) {
	dir := clusterDir(t, strings.Repeat("long", 40))
	must(t, nil, "up", "--dir", dir)
}

func TestTakenPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	dir := clusterDir(t, "cluster")
	mustFail(t, 1, nil, []string{"up", "--dir", dir, "--port", port}, "port "+port, "taken")
	nothingLeft(t, dir)
	mustFail(t, 1, nil, []string{"run", "--port", port, "--", "true"}, "port "+port, "taken")

	listener.Close()
	must(t, nil, "up", "--dir", dir, "--port", port)
	use := []string{"KUBECONFIG=" + filepath.Join(dir, "kubeconfig")}
	want := "KUBERNETES_SERVICE_HOST=127.0.0.1\nKUBERNETES_SERVICE_PORT=" + port + "\n"
	if got := must(t, use, "endpoint"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Somebody takes the port between our look at it and the start of the server.
func TestPortLostInARace(t *testing.T) {
	assets := assets(t)
	env := []string{"KUBEBUILDER_ASSETS=" + assets}
	script(t, filepath.Join(assets, "kube-apiserver"), `
		if [ ! -e lost ]; then : > lost; echo 'listen tcp: bind: address already in use'; exit 1; fi
		exec '`+kubernetes+`' kube-apiserver "$@"`)
	_, use := newCluster(t, env...)
	must(t, use, "namespace", "works")

	script(t, filepath.Join(assets, "kube-apiserver"), "echo 'listen tcp: bind: address already in use'; exit 1")
	dir := clusterDir(t, "cluster")
	mustFail(t, 1, env, []string{"up", "--dir", dir, "--port", "65432"}, "port 65432", "taken")
	mustFail(t, 1, env, []string{"up", "--dir", dir}, "address already in use")
	nothingLeft(t, dir)
}

func TestMissingPrograms(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cluster")
	lonely := filepath.Join(t.TempDir(), "cluster")
	if err := copySelf(lonely); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"up", "--dir", dir}, {"run", "--", "true"}} {
		r := finish(t, exec.Command(lonely, args...))
		if r.status != 1 || !strings.Contains(r.stderr, "`make control-plane`") || !strings.Contains(r.stderr, "KUBEBUILDER_ASSETS") {
			t.Errorf("%q: %+v", args, r)
		}
		empty := t.TempDir()
		mustFail(t, 1, []string{"KUBEBUILDER_ASSETS=" + empty}, args, "KUBEBUILDER_ASSETS", filepath.Join(empty, "etcd"))
	}
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Errorf("%s was made (%v)", dir, err)
	}
}

func TestFailedStartShowsTheLog(t *testing.T) {
	for _, program := range []string{"etcd", "kube-apiserver"} {
		t.Run(program, func(t *testing.T) {
			assets := assets(t)
			script(t, filepath.Join(assets, program), "echo the cat sat on it >&2; exit 3")
			// Not before: a process that the other one starts meanwhile would have the script open to write, and nobody could run it.
			t.Parallel()
			dir := clusterDir(t, "cluster")
			mustFail(t, 1, []string{"KUBEBUILDER_ASSETS=" + assets}, []string{"up", "--dir", dir},
				program, "exit status 3", "the cat sat on it")
			nothingLeft(t, dir)
		})
	}
}

func TestSudden(t *testing.T) {
	for _, program := range []string{"supervise", "etcd", "kube-apiserver", "reap"} {
		t.Run("end of "+program, func(t *testing.T) {
			t.Parallel()
			dir, use := newCluster(t)
			must(t, use, "namespace", "works")
			kill(t, dir, program)
			nothingLeft(t, dir)
			must(t, nil, "down", "--dir", dir)
		})
	}
}

func TestRunPassesEnvironmentAndStatus(t *testing.T) {
	r := call(t, nil, "run", "--", "sh", "-c", `
		"$TESTENV" endpoint &&
		echo "$KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT" &&
		echo "$KUBECONFIG" &&
		"$TESTENV" namespace works &&
		exit 7`)
	if r.status != 7 {
		t.Fatalf("%+v, want status 7", r)
	}
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	if len(lines) != 4 {
		t.Fatalf("%q", lines)
	}
	want := strings.TrimPrefix(lines[0], "KUBERNETES_SERVICE_HOST=") + " " + strings.TrimPrefix(lines[1], "KUBERNETES_SERVICE_PORT=")
	if lines[2] != want {
		t.Errorf("%q, want %q", lines[2], want)
	}
	nothingLeft(t, filepath.Dir(lines[3]))

	mustFail(t, 127, nil, []string{"run", "--", "no-such-command"}, "no-such-command")
}

// startRun runs a command that says the folder of its cluster, and then does as
// the script says. What it complains of goes to a file: a pipe would keep us
// waiting for whoever else has it open.
func startRun(t *testing.T, text string) (cmd *exec.Cmd, dir, complaints string) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd = command(nil, "run", "--", "sh", "-c", text)
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

// wait ends a command that does not end by itself.
func wait(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	timer := time.AfterFunc(patience, func() {
		t.Errorf("%q does not end", cmd.Args)
		cmd.Process.Kill()
	})
	defer timer.Stop()
	cmd.Wait()
}

func TestRunPassesSignalsOn(t *testing.T) {
	for s, status := range map[syscall.Signal]int{syscall.SIGTERM: 8, syscall.SIGINT: 9} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			cmd, dir, complaints := startRun(t, `
				trap 'exit 8' TERM
				trap 'exit 9' INT
				echo "$KUBECONFIG"
				while :; do sleep 0.05; done`)
			cmd.Process.Signal(s)
			wait(t, cmd)
			if got := cmd.ProcessState.ExitCode(); got != status {
				t.Errorf("status %d, want %d\n%s", got, status, read(t, complaints))
			}
			nothingLeft(t, dir)
		})
	}
}

func TestRunKilled(t *testing.T) {
	// The command works in the folder, and so counts as something left.
	cmd, dir, _ := startRun(t, `cd "$(dirname "$KUBECONFIG")" && echo "$KUBECONFIG" && exec sleep 600`)
	cmd.Process.Kill()
	wait(t, cmd)
	nothingLeft(t, dir)
}

func TestRunTellsWhatDied(t *testing.T) {
	for _, program := range []string{"etcd", "kube-apiserver"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			cmd, dir, complaints := startRun(t, `echo "$KUBECONFIG"; exec sleep 600`)
			kill(t, dir, program)
			wait(t, cmd)
			if cmd.ProcessState.Success() {
				t.Error("success")
			}
			stderr := read(t, complaints)
			for _, word := range []string{program + " ended by itself", "signal: killed", "the end of its log:\n  "} {
				if !strings.Contains(stderr, word) {
					t.Errorf("no %q in:\n%s", word, stderr)
				}
			}
			nothingLeft(t, dir)
		})
	}
}
