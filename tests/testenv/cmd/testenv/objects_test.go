package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func TestObjects(t *testing.T) {
	_, use := newCluster(t)
	must(t, use, "namespace", "ns")
	must(t, use, "namespace", "ns") // once more is no error

	t.Run("pod", func(t *testing.T) { testPod(t, use) })
	t.Run("start of a pod", func(t *testing.T) { testStarted(t, use) })
	t.Run("relabel", func(t *testing.T) { testRelabel(t, use) })
	t.Run("pod without a node", func(t *testing.T) { testPodWithoutNode(t, use) })
	t.Run("mount", func(t *testing.T) { testMount(t, use) })
	t.Run("delete-namespace", func(t *testing.T) { testDeleteNamespace(t, use) })
}

func testPod(t *testing.T, use []string) {
	must(t, use, "pod", "--namespace", "ns", "a", "--label", "app=x", "--label", "v=1", "--port", "discovery=3320", "--port", "peers=3322")
	pod := getPod(t, use, "a")
	if pod.Labels["app"] != "x" || pod.Labels["v"] != "1" || len(pod.Labels) != 2 {
		t.Errorf("labels: %v", pod.Labels)
	}
	container := pod.Spec.Containers[0]
	if container.Name != "main" || len(container.Ports) != 2 || container.Ports[0].Name != "discovery" || container.Ports[1].ContainerPort != 3322 {
		t.Errorf("container: %+v", container)
	}
	if pod.Spec.NodeName != "node-1" || pod.Status.Phase != corev1.PodPending || pod.Status.PodIP != "" || pod.Status.Conditions != nil {
		t.Errorf("new: node %q, status %+v", pod.Spec.NodeName, pod.Status)
	}

	must(t, use, "pod", "--namespace", "ns", "a", "--ip", "10.1.0.1", "--ip", "fd00::1")
	status := getPod(t, use, "a").Status
	if status.Phase != corev1.PodPending || status.PodIP != "10.1.0.1" || len(status.PodIPs) != 2 || status.PodIPs[1].IP != "fd00::1" || status.StartTime == nil {
		t.Errorf("with addresses: %+v", status)
	}
	must(t, use, "pod", "--namespace", "ns", "a", "--phase", "Running", "--ready=false")
	status = getPod(t, use, "a").Status
	if status.Phase != corev1.PodRunning || status.PodIP != "10.1.0.1" || ready(status) != "Ready=False ContainersReady=False" {
		t.Errorf("running: %+v", status)
	}
	must(t, use, "pod", "--namespace", "ns", "a", "--ready")
	status = getPod(t, use, "a").Status
	if status.Phase != corev1.PodRunning || len(status.PodIPs) != 2 || ready(status) != "Ready=True ContainersReady=True" {
		t.Errorf("ready: %+v", status)
	}
	must(t, use, "pod", "--namespace", "ns", "a", "--ip", "")
	if status = getPod(t, use, "a").Status; status.PodIP != "" || status.PodIPs != nil {
		t.Errorf("without address: %+v", status)
	}
	mustFail(t, 1, use, []string{"pod", "--namespace", "ns", "a", "--port", "other=1"}, "ports")

	must(t, use, "pod", "--namespace", "ns", "b", "--ip", "10.1.0.2", "--phase", "Running")
	if got := ready(getPod(t, use, "b").Status); got != "Ready=True ContainersReady=True" {
		t.Errorf("new and running: %s", got)
	}
	if got := names(listPods(t, use, "--selector", "app=x")); got != "a" {
		t.Errorf("selected: %s", got)
	}

	must(t, use, "terminate", "--namespace", "ns", "a")
	if pod = getPod(t, use, "a"); pod.DeletionTimestamp == nil || pod.Status.Phase != corev1.PodRunning {
		t.Errorf("terminated: %+v", pod)
	}
	must(t, use, "delete", "--namespace", "ns", "a")
	must(t, use, "delete", "--namespace", "ns", "a")
	must(t, use, "delete", "--namespace", "ns", "b")
	if left := names(listPods(t, use)); left != "" {
		t.Errorf("left: %s", left)
	}
	mustFail(t, 1, use, []string{"terminate", "--namespace", "ns", "a"}, `"a" not found`)
}

func testStarted(t *testing.T, use []string) {
	started := func() string {
		time := getPod(t, use, "a").Status.StartTime
		if time == nil {
			return ""
		}
		return time.UTC().Format("2006-01-02T15:04:05Z")
	}
	for _, want := range []string{"2026-01-31T12:00:00Z", "2025-01-31T12:00:00Z", ""} {
		must(t, use, "pod", "--namespace", "ns", "a", "--started", want)
		if got := started(); got != want {
			t.Errorf("started %q, want %q", got, want)
		}
	}
	must(t, use, "pod", "--namespace", "ns", "a", "--phase", "Running")
	if started() == "" {
		t.Error("the default is none")
	}
	mustFail(t, 2, use, []string{"pod", "--namespace", "ns", "a", "--started", "noon"}, "-started", "noon")
	must(t, use, "delete", "--namespace", "ns", "a")
}

func testRelabel(t *testing.T, use []string) {
	must(t, use, "pod", "--namespace", "ns", "a", "--label", "app=x", "--label", "v=1", "--ip", "10.1.0.1", "--phase", "Running")
	must(t, use, "relabel", "--namespace", "ns", "a", "--label", "app=y")
	if pod := getPod(t, use, "a"); pod.Labels["app"] != "y" || len(pod.Labels) != 1 || pod.Status.PodIP != "10.1.0.1" {
		t.Errorf("labels %v, status %+v", pod.Labels, pod.Status)
	}
	must(t, use, "relabel", "--namespace", "ns", "a")
	if labels := getPod(t, use, "a").Labels; len(labels) != 0 {
		t.Errorf("labels %v", labels)
	}
	must(t, use, "delete", "--namespace", "ns", "a")
	mustFail(t, 1, use, []string{"relabel", "--namespace", "ns", "a"}, `"a" not found`)
}

func testPodWithoutNode(t *testing.T, use []string) {
	must(t, use, "pod", "--namespace", "ns", "a", "--node", "", "--ip", "10.1.0.1", "--phase", "Running")
	must(t, use, "terminate", "--namespace", "ns", "a")
	pod := getPod(t, use, "a")
	if pod.Spec.NodeName != "" || pod.Spec.SchedulerName != "testenv-none" || pod.DeletionTimestamp == nil {
		t.Errorf("%+v", pod)
	}
	must(t, use, "delete", "--namespace", "ns", "a")
	if left := names(listPods(t, use)); left != "" {
		t.Errorf("left: %s", left)
	}
}

func testMount(t *testing.T, use []string) {
	dir := filepath.Join(t.TempDir(), "serviceaccount")
	must(t, use, "account", "--namespace", "ns", "sa")
	must(t, use, "pod", "--namespace", "ns", "bound", "--service-account", "sa")
	must(t, use, "mount", "--namespace", "ns", "--service-account", "sa", "--pod", "bound", dir)

	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, entry := range entries {
		files = append(files, entry.Name())
		if info, err := entry.Info(); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v %v", entry.Name(), info.Mode(), err)
		}
	}
	if got := strings.Join(files, " "); got != "ca.crt namespace token" {
		t.Errorf("files: %s", got)
	}
	if got := read(t, filepath.Join(dir, "namespace")); got != "ns" {
		t.Errorf("namespace: %q", got)
	}

	var claims struct {
		Kubernetes struct {
			Namespace string
			Pod       struct{ Name, UID string }
		} `json:"kubernetes.io"`
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(read(t, filepath.Join(dir, "token")), ".")[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	uid := string(getPod(t, use, "bound").UID)
	if got := claims.Kubernetes; uid == "" || got.Namespace != "ns" || got.Pod.Name != "bound" || got.Pod.UID != uid {
		t.Errorf("claims %+v, want pod bound with uid %s", got, uid)
	}

	list := podsURL(t, use)
	watch, get := list+"?watch=1", list+"/bound"
	expectAccess(t, dir, list, 200)
	expectAccess(t, dir, watch, 200)
	expectAccess(t, dir, get, 403)
	must(t, use, "account", "--namespace", "ns", "sa", "--verbs", "")
	expectAccess(t, dir, list, 403)
	expectAccess(t, dir, watch, 403)
	must(t, use, "account", "--namespace", "ns", "sa", "--verbs", "list")
	expectAccess(t, dir, list, 200)
	expectAccess(t, dir, watch, 403)
	must(t, use, "account", "--namespace", "ns", "sa")
	expectAccess(t, dir, watch, 200)

	// A token without a pod, over the old one.
	must(t, use, "mount", "--namespace", "ns", "--service-account", "sa", "--duration", "20m", dir)
	expectAccess(t, dir, list, 200)
	must(t, use, "delete", "--namespace", "ns", "bound")
	expectAccess(t, dir, list, 200)

	must(t, use, "delete-account", "--namespace", "ns", "sa")
	must(t, use, "delete-account", "--namespace", "ns", "sa")
	mustFail(t, 1, use, []string{"mount", "--namespace", "ns", "--service-account", "sa", dir}, "sa")
	// Its role has stayed for the next one, whose tokens are others.
	must(t, use, "account", "--namespace", "ns", "sa")
	must(t, use, "mount", "--namespace", "ns", "--service-account", "sa", dir)
	awaitAccess(t, dir, list, 200) // The API server may still know the former one by that name.

	mustFail(t, 1, use, []string{"mount", "--namespace", "ns", "--service-account", "nobody", dir}, "nobody")
	mustFail(t, 1, use, []string{"mount", "--namespace", "ns", "--service-account", "sa", "--pod", "nowhere", dir}, "nowhere")
}

func testDeleteNamespace(t *testing.T, use []string) {
	must(t, use, "account", "--namespace", "ns", "old")
	must(t, use, "pod", "--namespace", "ns", "old")
	must(t, use, "pod", "--namespace", "ns", "held", "--node", "")
	must(t, use, "delete-namespace", "ns")
	// Nobody finishes that.
	mustFail(t, 1, use, []string{"pod", "--namespace", "ns", "new"}, "being terminated")
	must(t, use, "delete-namespace", "--finalize", "ns")
	must(t, use, "delete-namespace", "--finalize", "ns")
	mustFail(t, 1, use, []string{"pod", "--namespace", "ns", "new"}, `"ns" not found`)

	must(t, use, "namespace", "ns")
	if back := names(listPods(t, use)); back != "" {
		t.Errorf("pods came back: %s", back)
	}
	mustFail(t, 1, use, []string{"mount", "--namespace", "ns", "--service-account", "old", t.TempDir()}, `"old" not found`)
}

func TestWrongCalls(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"fly"},
		{"up"},
		{"up", "--dir", "x", "more"},
		{"up", "--dir", "x", "--port", "70000"},
		{"run"},
		{"run", "--image", "x.tar", "--", "true"},
		{"image", "program", "archive"},
		{"image", "--name", "localhost/x:latest", "program"},
		{"namespace"},
		{"pod", "--namespace", "ns"},
		{"pod", "a"},
		{"pod", "--namespace", "ns", "--port", "http", "a"},
		{"pod", "--namespace", "ns", "--label", "x", "a"},
		{"pod", "--namespace", "ns", "--colour", "red", "a"},
		{"relabel", "--namespace", "ns", "--label", "x", "a"},
		{"relabel", "a"},
		{"mount", "--namespace", "ns", "dir"},
		{"stop-server"},
		{"start-server", "--dir", "x", "--new-certificate"},
		{"compact"},
		{"get"},
	} {
		mustFail(t, 2, nil, args, "testenv")
	}
	mustFail(t, 1, nil, []string{"namespace", "a"}, "KUBECONFIG")
	mustFail(t, 1, []string{"KUBECONFIG=/does/not/exist"}, []string{"namespace", "a"}, "/does/not/exist")
}

func ready(status corev1.PodStatus) string {
	values := map[corev1.PodConditionType]corev1.ConditionStatus{}
	for _, condition := range status.Conditions {
		values[condition.Type] = condition.Status
	}
	return "Ready=" + string(values[corev1.PodReady]) + " ContainersReady=" + string(values[corev1.ContainersReady])
}

func listPods(t *testing.T, use []string, args ...string) []corev1.Pod {
	t.Helper()
	var list corev1.PodList
	text := must(t, use, append([]string{"pods", "--namespace", "ns"}, args...)...)
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	if list.Kind != "PodList" || list.ResourceVersion == "" {
		t.Errorf("not a PodList: %.100s", text)
	}
	return list.Items
}

func names(pods []corev1.Pod) string {
	var names []string
	for _, pod := range pods {
		names = append(names, pod.Name)
	}
	return strings.Join(names, " ")
}

func getPod(t *testing.T, use []string, name string) corev1.Pod {
	t.Helper()
	for _, pod := range listPods(t, use) {
		if pod.Name == name {
			return pod
		}
	}
	t.Fatalf("no pod %s", name)
	return corev1.Pod{}
}

// podsURL is where a pod is told to find the pods of its namespace.
func podsURL(t *testing.T, use []string) string {
	t.Helper()
	endpoint := map[string]string{}
	for _, line := range strings.Fields(must(t, use, "endpoint")) {
		name, value, _ := strings.Cut(line, "=")
		endpoint[name] = value
	}
	return "https://" + endpoint["KUBERNETES_SERVICE_HOST"] + ":" + endpoint["KUBERNETES_SERVICE_PORT"] + "/api/v1/namespaces/ns/pods"
}

// expectAccess asks in the way that a pod with the folder dir does.
func expectAccess(t *testing.T, dir, url string, want int) {
	t.Helper()
	if got := access(t, dir, url); got != want {
		t.Errorf("%s: status %d, want %d", url, got, want)
	}
}

// awaitAccess is expectAccess for what the API server comes to know a little later.
func awaitAccess(t *testing.T, dir, url string, want int) {
	t.Helper()
	for deadline := time.Now().Add(patience); access(t, dir, url) != want && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	expectAccess(t, dir, url, want)
}

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
		Timeout:   patience,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true},
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}
