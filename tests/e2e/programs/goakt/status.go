package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/tochemey/goakt/v4/actor"
	"github.com/tochemey/goakt/v4/discovery"

	kubernetes "github.com/kubepeers/kubepeers/bindings/go/goakt"
)

// status serves the state of the node over HTTP.
type status struct {
	environment
	system   actor.ActorSystem
	provider discovery.Provider
	recorder *recorder
}

// member identifies a node to GoAkt.
type member struct {
	Host         string `json:"host"`
	PeersPort    int    `json:"peersPort"`
	RemotingPort int    `json:"remotingPort"`
}

func (s *status) serve() error {
	listener, err := net.Listen("tcp", net.JoinHostPort(s.host, strconv.Itoa(s.httpPort)))
	if err != nil {
		return err
	}
	routes := http.NewServeMux()
	routes.HandleFunc("/members", func(w http.ResponseWriter, r *http.Request) {
		peers, err := s.peers(r.Context())
		self := member{s.system.Host(), s.system.PeersPort(), s.system.Port()}
		respond(w, map[string]any{"self": self, "peers": peers}, err)
	})
	routes.HandleFunc("/ready", func(w http.ResponseWriter, r *http.Request) {
		peers, err := s.peers(r.Context())
		if err != nil || len(peers)+1 < s.minMembers {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	routes.HandleFunc("/peers", func(w http.ResponseWriter, _ *http.Request) {
		addresses, err := s.provider.DiscoverPeers()
		respond(w, map[string]any{"addresses": addresses}, err)
	})
	routes.HandleFunc("/start-times", func(w http.ResponseWriter, _ *http.Request) {
		respond(w, s.recorder.startTimes(), nil)
	})
	if ours, ok := s.provider.(*kubernetes.Discovery); ok {
		serveProvider(routes, ours)
	}
	go http.Serve(listener, routes)
	return nil
}

// serveProvider serves the results of the provider that GoAkt does not use.
func serveProvider(routes *http.ServeMux, discovery *kubernetes.Discovery) {
	routes.HandleFunc("/nodes", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
		defer cancel()
		peers, err := discovery.Provider().DiscoverPeers(ctx)
		respond(w, slices.Collect(peers.Nodes()), err)
	})
	routes.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		health, err := discovery.Provider().Health()
		body := map[string]any{
			"synced":  health.Synced,
			"stale":   health.Stale,
			"polling": health.Polling,
			"age":     health.Age.String(),
		}
		if health.Err != nil {
			body["error"] = health.Err.Error()
		}
		respond(w, body, err)
	})
	routes.HandleFunc("/explain", func(w http.ResponseWriter, _ *http.Request) {
		table, err := discovery.Provider().ExplainTable()
		if err != nil {
			table = err.Error() + "\n"
		}
		w.Write([]byte(table))
	})
}

// peers returns the other members that GoAkt knows.
func (s *status) peers(ctx context.Context) ([]member, error) {
	peers, err := s.system.Peers(ctx, time.Second)
	members := []member{}
	for _, peer := range peers {
		members = append(members, member{peer.Host, peer.PeersPort, peer.RemotingPort})
	}
	return members, err
}

func respond(w http.ResponseWriter, body any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		body = map[string]any{"error": err.Error()}
	}
	json.NewEncoder(w).Encode(body)
}
