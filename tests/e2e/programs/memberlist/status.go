package main

import (
	"encoding/json"
	"log"
	"net"
	"net/http"
	"os"
)

// serve serves /explain, which says why a pod is not a member yet.
func (m *member) serve() *http.ServeMux {
	routes := http.NewServeMux()
	routes.HandleFunc("/explain", func(w http.ResponseWriter, _ *http.Request) {
		table, err := m.provider.ExplainTable()
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte(table))
	})
	address := net.JoinHostPort(os.Getenv("POD_IP"), "8080")
	go func() { log.Fatal(http.ListenAndServe(address, routes)) }()
	return routes
}

// serveRing adds /ready and /members. Before that, /ready is 404 and the pod is
// not Ready.
func (m *member) serveRing(routes *http.ServeMux) {
	routes.HandleFunc("/ready", func(w http.ResponseWriter, _ *http.Request) {
		if !m.ready.Load() {
			http.Error(w, "no peer has accepted this pod yet", http.StatusServiceUnavailable)
		}
	})
	routes.HandleFunc("/members", func(w http.ResponseWriter, _ *http.Request) {
		addresses := []string{}
		for _, node := range m.ring.Members() {
			addresses = append(addresses, node.Address())
		}
		json.NewEncoder(w).Encode(addresses)
	})
}
