package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// The subtests share one cluster. The last one deletes the namespace.
func TestObjects(t *testing.T) {
	_, client := newCluster(t)
	must(t, client, "namespace", "ns")
	t.Run("terminated pod stays until it is deleted", func(t *testing.T) {
		testTerminate(t, client, "on-node")
		testTerminate(t, client, "no-node", "--node", "")
	})
	t.Run("fixed field of a pod cannot change", func(t *testing.T) {
		testFixedFields(t, client)
	})
	t.Run("account has only the given verbs", func(t *testing.T) { testVerbs(t, client) })
	t.Run("token of a deleted account is rejected", func(t *testing.T) {
		testDeletedAccount(t, client)
	})
	t.Run("deleted namespace can be created again", func(t *testing.T) {
		testDeleteNamespace(t, client)
	})
}

func testTerminate(t *testing.T, client []string, name string, options ...string) {
	pod := append([]string{"pod", "--namespace", "ns", name}, options...)
	must(t, client, append(pod, "--ip", "10.1.0.1", "--phase", "Running")...)
	must(t, client, "terminate", "--namespace", "ns", name)
	pods := listPods(t, client)
	if len(pods) != 1 {
		t.Fatalf("%d pods, want 1", len(pods))
	}
	terminated, status := pods[0].DeletionTimestamp, pods[0].Status
	if terminated == nil || status.Phase != corev1.PodRunning || status.PodIP != "10.1.0.1" {
		t.Errorf("deletionTimestamp %v, status %+v", terminated, status)
	}
	must(t, client, "delete", "--namespace", "ns", name)
	if left := listPods(t, client); len(left) != 0 {
		t.Errorf("%d pods are left", len(left))
	}
}

// A silent success would leave the pod unlike what the test expects.
func testFixedFields(t *testing.T, client []string) {
	must(t, client, "pod", "--namespace", "ns", "a", "--port", "peers=3322")
	mustFail(t, client, []string{"pod", "--namespace", "ns", "a", "--port", "other=1"}, "ports")
	must(t, client, "delete", "--namespace", "ns", "a")
}

func testVerbs(t *testing.T, client []string) {
	dir := filepath.Join(t.TempDir(), "serviceaccount")
	must(t, client, "account", "--namespace", "ns", "sa")
	must(t, client, "pod", "--namespace", "ns", "bound", "--service-account", "sa")
	must(t, client, "mount", "--namespace", "ns", "--service-account", "sa", "--pod", "bound", dir)
	list := podsURL(t, client)
	for _, c := range []struct {
		verbs            string
		list, watch, get int
	}{
		{"list,watch", 200, 200, 403},
		{"", 403, 403, 403},
		{"list", 200, 403, 403},
		{"list,watch", 200, 200, 403},
	} {
		must(t, client, "account", "--namespace", "ns", "sa", "--verbs", c.verbs)
		for url, want := range map[string]int{
			list: c.list, list + "?watch=1": c.watch, list + "/bound": c.get,
		} {
			if got := access(t, dir, url); got != want {
				t.Errorf("verbs %q: %s: status %d, want %d", c.verbs, url, got, want)
			}
		}
	}
	must(t, client, "delete", "--namespace", "ns", "bound")
}

func testDeletedAccount(t *testing.T, client []string) {
	list := podsURL(t, client)
	mount := func() (dir string) {
		dir = filepath.Join(t.TempDir(), "serviceaccount")
		must(t, client, "account", "--namespace", "ns", "deleted")
		must(t, client, "mount", "--namespace", "ns", "--service-account", "deleted", dir)
		return dir
	}
	old := mount()
	awaitAccess(t, old, list, http.StatusOK)
	must(t, client, "delete-account", "--namespace", "ns", "deleted")
	// The API server may cache the former account of that name for some seconds.
	awaitAccess(t, mount(), list, http.StatusOK)
	awaitAccess(t, old, list, http.StatusUnauthorized)
}

func testDeleteNamespace(t *testing.T, client []string) {
	must(t, client, "account", "--namespace", "ns", "old")
	must(t, client, "pod", "--namespace", "ns", "old")
	must(t, client, "pod", "--namespace", "ns", "held", "--node", "")
	must(t, client, "delete-namespace", "--finalize", "ns")

	must(t, client, "namespace", "ns")
	must(t, client, "account", "--namespace", "ns", "new")
	if left := listPods(t, client); len(left) != 0 {
		t.Errorf("%d pods of the deleted namespace", len(left))
	}
	mount := []string{"mount", "--namespace", "ns", "--service-account", "old", t.TempDir()}
	mustFail(t, client, mount, `"old" not found`)
}

func listPods(t *testing.T, client []string) []corev1.Pod {
	t.Helper()
	var list corev1.PodList
	text := must(t, client, "pods", "--namespace", "ns")
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// podsURL returns the URL of the pods in the form that a pod can derive it.
func podsURL(t *testing.T, client []string) string {
	t.Helper()
	endpoint := map[string]string{}
	for _, line := range strings.Fields(must(t, client, "endpoint")) {
		name, value, _ := strings.Cut(line, "=")
		endpoint[name] = value
	}
	return "https://" + endpoint["KUBERNETES_SERVICE_HOST"] + ":" +
		endpoint["KUBERNETES_SERVICE_PORT"] + "/api/v1/namespaces/ns/pods"
}

func awaitAccess(t *testing.T, dir, url string, want int) {
	t.Helper()
	eventually(t, func() bool { return access(t, dir, url) == want },
		func() string { return "another status than " + http.StatusText(want) })
}

// access sends a GET with the credentials in dir, as a pod does, and returns the status.
func access(t *testing.T, dir, url string) (status int) {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(read(t, filepath.Join(dir, "ca.crt")))) {
		t.Fatal("no certificate in ca.crt")
	}
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+read(t, filepath.Join(dir, "token")))
	client := &http.Client{
		Timeout: patience,
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true,
		},
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}
