package kubepeers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// BenchmarkDiscoverPeers asks for a list that has not changed. Of its size
// depends only how long the copy takes.
func BenchmarkDiscoverPeers(b *testing.B) {
	for _, pods := range []int{0, 10, 5000} {
		provider := served(b, pods)
		b.Run(fmt.Sprint(pods), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				provider.DiscoverPeers()
			}
		})
		b.Run(fmt.Sprint(pods, "/in-parallel"), func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					provider.DiscoverPeers()
				}
			})
		})
	}
}

// BenchmarkNodes copies all that is known.
func BenchmarkNodes(b *testing.B) {
	for _, pods := range []int{10, 5000} {
		provider := served(b, pods)
		b.Run(fmt.Sprint(pods), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				provider.Nodes()
			}
		})
	}
}

// served makes a provider with so many peers, of an API server that tells of nothing else.
func served(b *testing.B, pods int) *kubepeers.Provider {
	b.Helper()
	server := httptest.NewServer(apiServer(pods))
	kubeconfig := filepath.Join(b.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}],
		clusters: [{name: c, cluster: {server: "%s"}}], users: [{name: u, user: {token: token}}]}`, server.URL)
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	provider := kubepeers.New(validConfig(), kubepeers.WithoutSelf(), kubepeers.WithKubeconfig(kubeconfig, ""),
		kubepeers.WithRegisterTimeout(time.Minute), kubepeers.WithDiscoverTimeout(time.Minute))
	b.Cleanup(func() { provider.Close(); server.Close() })
	if err := provider.Initialize(); err != nil {
		b.Fatal(err)
	}
	if err := provider.Register(); err != nil {
		b.Fatal(err)
	}
	if peers, err := provider.DiscoverPeers(); err != nil || len(peers) != pods {
		b.Fatalf("%d peers, %v", len(peers), err)
	}
	return provider
}

// apiServer has so many pods, and nothing happens to them.
func apiServer(pods int) http.Handler {
	type object = map[string]any
	items := make([]object, pods)
	for i := range items {
		name := fmt.Sprintf("demo-%d", i)
		items[i] = object{
			"metadata": object{"name": name, "uid": name, "resourceVersion": "1", "labels": object{"app": "demo"}},
			"spec": object{"nodeName": "node-1", "containers": []object{
				{"name": "main", "ports": []object{{"name": "gossip", "containerPort": 3322}}}}},
			"status": object{"phase": "Running", "podIP": fmt.Sprintf("10.1.%d.%d", i/256, i%256)},
		}
	}
	list, _ := json.Marshal(object{"kind": "PodList", "apiVersion": "v1", "metadata": object{"resourceVersion": "1"}, "items": items})
	return http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		answer.Header().Set("Content-Type", "application/json")
		if request.URL.Query().Has("watch") {
			answer.(http.Flusher).Flush()
			<-request.Context().Done()
			return
		}
		answer.Write(list)
	})
}
