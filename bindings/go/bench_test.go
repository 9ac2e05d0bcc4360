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

// BenchmarkDiscoverPeers measures calls without a change of the peers. Their cost does
// not depend on the number of peers.
func BenchmarkDiscoverPeers(b *testing.B) {
	for _, pods := range []int{10, 1000, 5000} {
		provider := benchmarkProvider(b, pods)
		b.Run(fmt.Sprint(pods), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				provider.DiscoverPeers(b.Context())
			}
		})
		b.Run(fmt.Sprint(pods, "/in-parallel"), func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					provider.DiscoverPeers(b.Context())
				}
			})
		})
	}
}

// BenchmarkAddresses measures the copy of all addresses.
func BenchmarkAddresses(b *testing.B) {
	for _, pods := range []int{10, 1000, 5000} {
		snapshot, _ := benchmarkProvider(b, pods).DiscoverPeers(b.Context())
		b.Run(fmt.Sprint(pods), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				snapshot.Addresses()
			}
		})
	}
}

// BenchmarkChange measures the cost of a new snapshot of which the program reads nothing,
// the addresses, or all records.
func BenchmarkChange(b *testing.B) {
	for _, pods := range []int{10, 1000, 5000} {
		provider := benchmarkProvider(b, pods)
		for name, read := range map[string]func(kubepeers.Snapshot){
			"unread":    func(kubepeers.Snapshot) {},
			"addresses": func(s kubepeers.Snapshot) { s.Addresses() },
			"nodes":     func(s kubepeers.Snapshot) { s.Nodes() },
		} {
			b.Run(fmt.Sprint(pods, "/", name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					provider.Forget()
					snapshot, _ := provider.DiscoverPeers(b.Context())
					read(snapshot)
				}
			})
		}
	}
}

// benchmarkProvider returns a provider with this number of peers.
func benchmarkProvider(b *testing.B, pods int) *kubepeers.Provider {
	b.Helper()
	server := httptest.NewServer(apiServer(pods))
	kubeconfig := filepath.Join(b.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{
		current-context: c,
		contexts: [{name: c, context: {cluster: c, user: u}}],
		clusters: [{name: c, cluster: {server: "%s"}}],
		users: [{name: u, user: {token: token}}]
	}`, server.URL)
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	config := validConfig()
	config.Membership = kubepeers.Observer
	config.Kubeconfig = kubeconfig
	config.RegisterTimeout = time.Minute
	provider, err := kubepeers.Open(b.Context(), config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { provider.Close(); server.Close() })
	if peers, err := provider.DiscoverPeers(b.Context()); err != nil || peers.Len() != pods {
		b.Fatalf("got %d peers, error %v; want %d", peers.Len(), err, pods)
	}
	return provider
}

// apiServer serves this number of pods, which never change.
func apiServer(pods int) http.Handler {
	type object = map[string]any
	items := make([]object, pods)
	for i := range items {
		name := fmt.Sprintf("demo-%d", i)
		items[i] = object{
			"metadata": object{
				"name": name, "uid": name, "resourceVersion": "1", "labels": object{"app": "demo"}},
			"spec": object{"nodeName": "node-1", "containers": []object{
				{"name": "main", "ports": []object{{"name": "gossip", "containerPort": 3322}}}}},
			"status": object{"phase": "Running", "podIP": fmt.Sprintf("10.1.%d.%d", i/256, i%256)},
		}
	}
	list, _ := json.Marshal(object{
		"kind": "PodList", "apiVersion": "v1",
		"metadata": object{"resourceVersion": "1"}, "items": items,
	})
	return http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		response.Header().Set("Content-Type", "application/json")
		if request.URL.Query().Has("watch") {
			response.(http.Flusher).Flush()
			<-request.Context().Done()
			return
		}
		response.Write(list)
	})
}
