package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/tochemey/goakt/v4/actor"
	"github.com/tochemey/goakt/v4/discovery"

	kubernetes "github.com/kubepeers/kubepeers/bindings/go/goakt"
)

// status tells over HTTP what the node knows.
type status struct {
	environment
	system   actor.ActorSystem
	provider discovery.Provider
	witness  *witness
}

// A member is a node as GoAkt names it.
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
		answer(w, map[string]any{"self": member{s.system.Host(), s.system.PeersPort(), s.system.Port()}, "peers": peers}, err)
	})
	routes.HandleFunc("/ready", func(w http.ResponseWriter, r *http.Request) {
		peers, err := s.peers(r.Context())
		if err != nil || len(peers)+1 < s.members {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	routes.HandleFunc("/peers", func(w http.ResponseWriter, _ *http.Request) {
		addresses, err := s.provider.DiscoverPeers()
		answer(w, map[string]any{"addresses": addresses}, err)
	})
	routes.HandleFunc("/moments", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.witness.noted(), nil) })
	if ours, ok := s.provider.(*kubernetes.Discovery); ok {
		tellMore(routes, ours)
	}
	go http.Serve(listener, routes)
	return nil
}

// tellMore is what GoAkt does not ask for.
func tellMore(routes *http.ServeMux, provider *kubernetes.Discovery) {
	routes.HandleFunc("/nodes", func(w http.ResponseWriter, _ *http.Request) {
		nodes, err := provider.Nodes()
		answer(w, nodes, err)
	})
	routes.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		health, err := provider.Health()
		told := map[string]any{"synced": health.Synced, "stale": health.Stale, "polling": health.Polling, "age": health.Age.String()}
		if health.Err != nil {
			told["error"] = health.Err.Error()
		}
		answer(w, told, err)
	})
	routes.HandleFunc("/explain", func(w http.ResponseWriter, _ *http.Request) {
		table, err := provider.ExplainTable()
		if err != nil {
			table = err.Error() + "\n"
		}
		w.Write([]byte(table))
	})
}

// peers are the other members that GoAkt knows.
func (s *status) peers(ctx context.Context) ([]member, error) {
	peers, err := s.system.Peers(ctx, time.Second)
	members := []member{}
	for _, peer := range peers {
		members = append(members, member{peer.Host, peer.PeersPort, peer.RemotingPort})
	}
	return members, err
}

func answer(w http.ResponseWriter, told any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		told = map[string]any{"error": err.Error()}
	}
	json.NewEncoder(w).Encode(told)
}
