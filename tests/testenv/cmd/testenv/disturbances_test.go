package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestServerOutage(t *testing.T) {
	dir, use := newCluster(t)
	must(t, use, "namespace", "ns")
	must(t, use, "pod", "--namespace", "ns", "a")
	mustFail(t, 1, nil, []string{"start-server", "--dir", dir}, "runs", "stop-server")

	must(t, nil, "stop-server", "--dir", dir)
	must(t, nil, "stop-server", "--dir", dir) // once more is no error
	mustFail(t, 1, use, []string{"pods", "--namespace", "ns"}, "connection refused")
	must(t, nil, "start-server", "--dir", dir)
	if got := names(listPods(t, use)); got != "a" {
		t.Errorf("pods after the outage: %q", got)
	}

	must(t, nil, "stop-server", "--dir", dir)
	must(t, nil, "down", "--dir", dir)
	nothingLeft(t, dir)
	mustFail(t, 1, nil, []string{"stop-server", "--dir", dir}, "no cluster", dir)
	mustFail(t, 1, nil, []string{"compact", "--dir", dir}, dir)
}

func TestRestoredBackup(t *testing.T) {
	dir, use := newCluster(t)
	must(t, use, "namespace", "ns")
	must(t, use, "pod", "--namespace", "ns", "a")
	mustFail(t, 1, nil, []string{"restore", "--dir", dir}, "runs", "stop-server")
	must(t, nil, "stop-server", "--dir", dir)
	mustFail(t, 1, nil, []string{"restore", "--dir", dir}, "no backup", "testenv backup")
	must(t, nil, "start-server", "--dir", dir)

	must(t, nil, "backup", "--dir", dir)
	must(t, use, "pod", "--namespace", "ns", "b")
	if got := names(listPods(t, use)); got != "a b" {
		t.Errorf("pods after the backup: %q", got)
	}
	must(t, nil, "stop-server", "--dir", dir)
	must(t, nil, "restore", "--dir", dir)
	must(t, nil, "start-server", "--dir", dir)
	if got := names(listPods(t, use)); got != "a" {
		t.Errorf("pods of the backup: %q", got)
	}
}

func TestServerOutageWithinRun(t *testing.T) {
	dir := clusterDir(t, "cluster")
	must(t, nil, "run", "--dir", dir, "--", "sh", "-c", `
		"$TESTENV" stop-server --dir "$TESTENV_DIR" &&
		! "$TESTENV" namespace ns 2>/dev/null &&
		"$TESTENV" start-server --dir "$TESTENV_DIR" &&
		"$TESTENV" namespace ns`)
	nothingLeft(t, dir)
}

func TestImageNeedsAName(t *testing.T) {
	archive := filepath.Join(t.TempDir(), "x.tar")
	mustFail(t, 1, nil, []string{"image", "--name", "x", tool, archive}, "localhost/x:latest")
}

func TestSuddenEndDuringAnOutage(t *testing.T) {
	for _, program := range []string{"supervise", "etcd"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			dir, _ := newCluster(t)
			must(t, nil, "stop-server", "--dir", dir)
			kill(t, dir, program)
			nothingLeft(t, dir)
		})
	}
}

func TestServerThatDoesNotComeBack(t *testing.T) {
	assets := assets(t)
	dir, _ := newCluster(t, "KUBEBUILDER_ASSETS="+assets)
	must(t, nil, "stop-server", "--dir", dir)
	script(t, filepath.Join(assets, "kube-apiserver"), "echo the cat sat on it >&2; exit 3")
	mustFail(t, 1, nil, []string{"start-server", "--dir", dir}, "exit status 3", "the cat sat on it")
	nothingLeft(t, dir)
}

func TestNewAuthority(t *testing.T) {
	dir, use := newCluster(t)
	must(t, use, "namespace", "ns")
	must(t, use, "account", "--namespace", "ns", "sa")
	mount := filepath.Join(t.TempDir(), "serviceaccount")
	must(t, use, "mount", "--namespace", "ns", "--service-account", "sa", mount)
	kubeconfig := filepath.Join(t.TempDir(), "old")
	if err := os.WriteFile(kubeconfig, []byte(read(t, filepath.Join(dir, "kubeconfig"))), 0o600); err != nil {
		t.Fatal(err)
	}

	mustFail(t, 1, nil, []string{"start-server", "--dir", dir, "--new-authority"}, "runs")
	must(t, nil, "stop-server", "--dir", dir)
	must(t, nil, "start-server", "--dir", dir, "--new-authority")
	mustFail(t, 1, []string{"KUBECONFIG=" + kubeconfig}, []string{"namespace", "ns"}, "certificate")
	// The token is as good as before, with the new authority beside it.
	again := filepath.Join(t.TempDir(), "serviceaccount")
	must(t, use, "mount", "--namespace", "ns", "--service-account", "sa", again)
	if err := os.Rename(filepath.Join(mount, "token"), filepath.Join(again, "token")); err != nil {
		t.Fatal(err)
	}
	expectAccess(t, again, podsURL(t, use), 200)
}

func TestCompact(t *testing.T) {
	dir, use := newCluster(t)
	must(t, use, "namespace", "ns")
	old := "/api/v1/namespaces/ns/pods?resourceVersionMatch=Exact&resourceVersion=" + resourceVersion(t, use)
	must(t, use, "pod", "--namespace", "ns", "a")
	restart := func() {
		must(t, nil, "stop-server", "--dir", dir)
		must(t, nil, "start-server", "--dir", dir)
	}
	restart() // for the API server remembers, too
	if got := must(t, use, "get", old); strings.Contains(got, `"a"`) {
		t.Errorf("not the former state: %s", got)
	}
	must(t, nil, "compact", "--dir", dir)
	restart()
	mustFail(t, 1, use, []string{"get", old}, "410")
	if got := names(listPods(t, use)); got != "a" {
		t.Errorf("pods: %q", got)
	}
}

func resourceVersion(t *testing.T, use []string) string {
	t.Helper()
	_, rest, _ := strings.Cut(must(t, use, "pods", "--namespace", "ns"), `"resourceVersion":"`)
	version, _, _ := strings.Cut(rest, `"`)
	return version
}
