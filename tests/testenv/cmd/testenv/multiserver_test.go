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

// A multiServer is three API servers on one etcd.
type multiServer struct{ dir string }

func (m multiServer) disturb(t *testing.T, args ...string) string {
	t.Helper()
	return must(t, nil, append([]string{"disturb", "--dir", m.dir}, args...)...)
}

// direct returns the environment of clients of one API server, without the balancer.
func (m multiServer) direct(number int) []string {
	name := fmt.Sprintf("server-%d.kubeconfig", number)
	return []string{"KUBECONFIG=" + filepath.Join(m.dir, name)}
}

var serverPort = regexp.MustCompile(`(server: https://127\.0\.0\.1:)\d+`)

// pinned returns the environment of clients that the balancer sends to one server.
func (m multiServer) pinned(t *testing.T, number int) []string {
	t.Helper()
	port := strings.TrimSpace(m.disturb(t, "open"))
	m.disturb(t, "pin", port, strconv.Itoa(number))
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := read(t, filepath.Join(m.dir, "kubeconfig"))
	text = serverPort.ReplaceAllString(text, "${1}"+port)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"KUBECONFIG=" + path}
}

var podNames = regexp.MustCompile(`pod-\d`)

// cachedPods returns the names of the pods in the watch cache of a server.
func (m multiServer) cachedPods(t *testing.T, number int) string {
	t.Helper()
	const path = "/api/v1/namespaces/ns/pods?resourceVersion=0"
	list := must(t, m.direct(number), "get", path)
	return strings.Join(podNames.FindAllString(list, -1), " ")
}

func (m multiServer) awaitCachedPods(t *testing.T, number int, want string) {
	t.Helper()
	eventually(t, func() bool { return m.cachedPods(t, number) == want },
		func() string {
			return fmt.Sprintf("server %d has %q, want %q", number, m.cachedPods(t, number), want)
		})
}

// responds reports whether a request succeeds within two seconds.
func responds(t *testing.T, client []string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	cmd := command(client, "namespace", "ns")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
	defer stop()
	return cmd.Wait() == nil
}

// The disturbances share one cluster, which the last subtest ends.
func TestMultiServer(t *testing.T) {
	m := multiServer{newDir(t)}
	must(t, nil, "up", "--dir", m.dir, "--servers", "3")
	must(t, []string{"KUBECONFIG=" + filepath.Join(m.dir, "kubeconfig")}, "namespace", "ns")
	t.Run("lag holds only the watch of pods", func(t *testing.T) { testLag(t, m) })
	t.Run("freeze holds one server", func(t *testing.T) { testFreeze(t, m) })
	t.Run("delay holds one server", func(t *testing.T) { testDelay(t, m) })
	t.Run("cluster ends if one server is killed", func(t *testing.T) {
		kill(t, m.dir, "kube-apiserver")
		nothingLeft(t, m.dir)
	})
}

func testLag(t *testing.T, m multiServer) {
	must(t, m.direct(1), "pod", "--namespace", "ns", "pod-0")
	m.awaitCachedPods(t, 2, "pod-0")
	m.disturb(t, "lag", "2")
	must(t, m.direct(1), "pod", "--namespace", "ns", "pod-1")
	m.awaitCachedPods(t, 3, "pod-0 pod-1")
	// The cache of other objects is current. So the next check does not pass because the
	// event is merely late.
	must(t, m.direct(1), "namespace", "other")
	eventually(t, func() bool {
		list := must(t, m.direct(2), "get", "/api/v1/namespaces?resourceVersion=0")
		return strings.Contains(list, `"other"`)
	}, func() string { return "server 2 does not see the new namespace" })
	if got := m.cachedPods(t, 2); got != "pod-0" {
		t.Errorf("the lagging server has %q, want pod-0", got)
	}
	pod := must(t, m.direct(2), "get", "/api/v1/namespaces/ns/pods/pod-1")
	if !strings.Contains(pod, `"pod-1"`) {
		t.Errorf("the lagging server does not read from etcd: %s", pod)
	}
	m.disturb(t, "catch-up", "2")
	m.awaitCachedPods(t, 2, "pod-0 pod-1")
}

func testFreeze(t *testing.T, m multiServer) {
	second, third := m.pinned(t, 2), m.pinned(t, 3)
	m.disturb(t, "freeze", "2")
	if responds(t, second) {
		t.Error("the frozen server responds")
	}
	must(t, third, "namespace", "ns")
	must(t, m.direct(2), "namespace", "ns")
	m.disturb(t, "thaw", "2")
	must(t, second, "namespace", "ns")
}

func testDelay(t *testing.T, m multiServer) {
	second := m.pinned(t, 2)
	m.disturb(t, "delay", "2", "1h")
	if responds(t, second) {
		t.Error("the delayed server responds at once")
	}
	m.disturb(t, "delay", "2", "0s")
	must(t, second, "namespace", "ns")
}
