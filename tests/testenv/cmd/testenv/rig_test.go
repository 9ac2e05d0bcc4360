package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A testRig is three API servers on one etcd.
type testRig struct {
	t   *testing.T
	dir string
}

func newRig(t *testing.T) testRig {
	t.Helper()
	dir := clusterDir(t, "rig")
	must(t, nil, "up", "--dir", dir, "--servers", "3")
	return testRig{t, dir}
}

func (r testRig) disturb(order ...string) string {
	r.t.Helper()
	return must(r.t, nil, append([]string{"disturb", "--dir", r.dir}, order...)...)
}

func (r testRig) disturbFails(words []string, order ...string) {
	r.t.Helper()
	mustFail(r.t, 1, nil, append([]string{"disturb", "--dir", r.dir}, order...), words...)
}

// server is the environment of clients of one API server, past the balancer.
func (r testRig) server(number int) []string {
	return []string{"KUBECONFIG=" + filepath.Join(r.dir, fmt.Sprintf("server-%d.kubeconfig", number))}
}

func (r testRig) balancer() []string {
	return []string{"KUBECONFIG=" + filepath.Join(r.dir, "kubeconfig")}
}

var serverPort = regexp.MustCompile(`(server: https://127\.0\.0\.1:)\d+`)

// pinnedTo is the environment of clients that the balancer sends to one server.
func (r testRig) pinnedTo(number int) []string {
	r.t.Helper()
	port := strings.TrimSpace(r.disturb("open"))
	r.disturb("pin", port, strconv.Itoa(number))
	path := filepath.Join(r.t.TempDir(), "kubeconfig")
	text := serverPort.ReplaceAllString(read(r.t, filepath.Join(r.dir, "kubeconfig")), "${1}"+port)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return []string{"KUBECONFIG=" + path}
}

// seen are the pods in the watch cache of a server.
func (r testRig) seen(number int) string {
	r.t.Helper()
	list := must(r.t, r.server(number), "get", "/api/v1/namespaces/ns/pods?resourceVersion=0")
	return strings.Join(podNames.FindAllString(list, -1), " ")
}

var podNames = regexp.MustCompile(`pod-\d`)

func (r testRig) makePod(name string) {
	r.t.Helper()
	must(r.t, r.server(1), "pod", "--namespace", "ns", name)
}

func (r testRig) eventuallySeen(number int, want string) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); r.seen(number) != want; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("server %d sees %q, want %q", number, r.seen(number), want)
		}
	}
}

// served reports whether a request is answered before a moment has passed.
func served(t *testing.T, use []string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	cmd := command(use, "namespace", "ns")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
	defer stop()
	return cmd.Wait() == nil
}

func TestRig(t *testing.T) {
	r := newRig(t)
	must(t, r.balancer(), "namespace", "ns")
	run := func(name string, test func(*testing.T, testRig)) {
		t.Run(name, func(t *testing.T) { test(t, testRig{t, r.dir}) })
	}
	run("all servers have the same pods", testRigIsOneCluster)
	run("lag", testRigLag)
	run("freeze", testRigFreeze)
	run("cut", testRigCut)
	run("stop one server", testRigStopOne)
	run("status", testRigStatus)
	run("wrong orders", testRigWrongOrders)
}

func testRigIsOneCluster(t *testing.T, r testRig) {
	must(t, r.balancer(), "pod", "--namespace", "ns", "pod-0")
	for number := 1; number <= 3; number++ {
		r.eventuallySeen(number, "pod-0")
	}
}

func testRigLag(t *testing.T, r testRig) {
	r.disturb("lag", "2")
	r.makePod("pod-1")
	r.eventuallySeen(3, "pod-0 pod-1")
	// A change of something else passes, so what is held back is the watch of pods
	// alone, and nothing is merely late.
	must(t, r.server(1), "namespace", "other")
	for deadline := time.Now().Add(patience); !strings.Contains(must(t, r.server(2), "get", "/api/v1/namespaces?resourceVersion=0"), `"other"`); {
		if time.Now().After(deadline) {
			t.Fatal("server 2 does not see a new namespace")
		}
	}
	if got := r.seen(2); got != "pod-0" {
		t.Errorf("server 2 lags and sees %q", got)
	}
	// Its own reads from etcd go on.
	if got := must(t, r.server(2), "get", "/api/v1/namespaces/ns/pods/pod-1"); !strings.Contains(got, `"pod-1"`) {
		t.Errorf("server 2 does not read from etcd: %s", got)
	}
	r.disturb("catch-up", "2")
	r.eventuallySeen(2, "pod-0 pod-1")
}

func testRigFreeze(t *testing.T, r testRig) {
	second, third := r.pinnedTo(2), r.pinnedTo(3)
	r.disturb("freeze", "2")
	if served(t, second) {
		t.Error("a frozen server answered")
	}
	must(t, third, "namespace", "ns")
	must(t, r.server(2), "namespace", "ns") // past the balancer
	r.disturb("thaw", "2")
	must(t, second, "namespace", "ns")
}

func testRigCut(t *testing.T, r testRig) {
	use := r.pinnedTo(2)
	watch := command(use, "get", "/api/v1/namespaces/ns/pods?watch=1&timeoutSeconds=600")
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	defer watch.Process.Kill()
	r.eventually("2 running connections=1")
	r.disturb("cut", "2")
	wait(t, watch)
	if watch.ProcessState.Success() {
		t.Error("the watch ended without an error")
	}
	r.eventually("2 running connections=0")
}

// eventually waits until the status has a line.
func (r testRig) eventually(line string) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(r.disturb("status"), line+"\n"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("no line %q in:\n%s", line, r.disturb("status"))
		}
	}
}

func testRigStopOne(t *testing.T, r testRig) {
	second := r.pinnedTo(2)
	must(t, nil, "stop-server", "--dir", r.dir, "--server", "2")
	mustFail(t, 1, second, []string{"namespace", "ns"}, "reset")
	must(t, r.pinnedTo(3), "namespace", "ns")
	r.eventually("2 stopped connections=0")
	mustFail(t, 1, nil, []string{"start-server", "--dir", r.dir, "--server", "1"}, "runs")
	mustFail(t, 1, nil, []string{"start-server", "--dir", r.dir, "--new-authority"}, "share one authority")
	must(t, nil, "start-server", "--dir", r.dir)
	must(t, second, "namespace", "ns")
}

func testRigStatus(t *testing.T, r testRig) {
	r.disturb("delay", "3", "200ms")
	r.disturb("avoid", "3")
	r.disturb("lag", "3")
	r.eventually("3 running connections=0 delay=200ms avoided lags")
	r.disturb("delay", "3", "0s")
	r.disturb("use", "3")
	r.disturb("catch-up", "3")
	r.eventually("3 running connections=0")
}

func testRigWrongOrders(t *testing.T, r testRig) {
	r.disturbFails([]string{`no disturbance "melt"`}, "melt", "1")
	r.disturbFails([]string{`no disturbance ""`})
	r.disturbFails([]string{"expected freeze N"}, "freeze")
	r.disturbFails([]string{"no server 4", "1 to 3"}, "freeze", "4")
	r.disturbFails([]string{"no server 4"}, "lag", "4")
	r.disturbFails([]string{`"x" is not the number`}, "lag", "x")
	r.disturbFails([]string{`"soon" is not a duration`}, "delay", "1", "soon")
	r.disturbFails([]string{"port 1"}, "pin", "1", "1")
	mustFail(t, 1, nil, []string{"stop-server", "--dir", r.dir, "--server", "4"}, "no server 4")
	mustFail(t, 2, nil, []string{"up", "--dir", r.dir, "--servers", "10"}, "1 to 9")
	mustFail(t, 2, nil, []string{"run", "--node", "--servers", "3", "--", "true"}, "--servers", "--node")
}

func TestPlainClusterHasNoDisturbances(t *testing.T) {
	dir, _ := newCluster(t)
	mustFail(t, 1, nil, []string{"disturb", "--dir", dir, "freeze", "1"}, "--servers")
}

func TestRigWithinRun(t *testing.T) {
	dir := clusterDir(t, "rig")
	must(t, nil, "run", "--dir", dir, "--servers", "2", "--", "sh", "-c", `
		"$TESTENV" namespace ns &&
		"$TESTENV" disturb --dir "$TESTENV_DIR" cut 2`)
	nothingLeft(t, dir)
}

func TestSuddenEndOfAServerOfARig(t *testing.T) {
	r := newRig(t)
	kill(t, r.dir, "kube-apiserver")
	nothingLeft(t, r.dir)
}
