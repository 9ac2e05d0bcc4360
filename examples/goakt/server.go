package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/tochemey/goakt/v4/actor"
	"github.com/tochemey/goakt/v4/discovery"
)

// node answers over HTTP.
type node struct {
	system     actor.ActorSystem
	provider   discovery.Provider
	minMembers int
}

// member is one of the cluster, by GoAkt's own membership.
type member struct {
	Host      string `json:"host"`
	Gossip    int    `json:"gossip_port,omitempty"`
	Peers     int    `json:"peers_port"`
	Remoting  int    `json:"remoting_port"`
	CreatedAt int64  `json:"created_at,omitempty"`
}

// serve starts the server; what comes out is why it ended.
func serve(e environment, n node) <-chan error {
	http.HandleFunc("GET /members", n.members)
	http.HandleFunc("GET /ready", n.ready)
	http.HandleFunc("GET /peers", n.peers)
	http.HandleFunc("GET /explain", n.explain)
	failed := make(chan error, 1)
	go func() { failed <- http.ListenAndServe(net.JoinHostPort("", strconv.Itoa(e.httpPort)), nil) }()
	return failed
}

func (n node) members(w http.ResponseWriter, r *http.Request) {
	others, err := n.others(r)
	reply(w, err, map[string]any{
		"self":  member{Host: n.system.Host(), Peers: n.system.PeersPort(), Remoting: n.system.Port()},
		"peers": others,
		"error": text(err),
	})
}

func (n node) others(r *http.Request) ([]member, error) {
	peers, err := n.system.Peers(r.Context(), time.Second)
	others := make([]member, 0, len(peers))
	for _, peer := range peers {
		others = append(others, member{peer.Host, peer.DiscoveryPort, peer.PeersPort, peer.RemotingPort, peer.CreatedAt})
	}
	return others, err
}

func (n node) ready(w http.ResponseWriter, r *http.Request) {
	others, err := n.others(r)
	if count := len(others) + 1; err == nil && count < n.minMembers {
		err = fmt.Errorf("%d members, not %d", count, n.minMembers)
	}
	reply(w, err, map[string]any{"members": len(others) + 1, "error": text(err)})
}

// peers is what discovery answers, whatever the cluster has made of it.
func (n node) peers(w http.ResponseWriter, _ *http.Request) {
	peers, err := n.provider.DiscoverPeers()
	reply(w, err, map[string]any{"peers": peers, "error": text(err)})
}

// explain says of each pod why it is a peer, or is not.
func (n node) explain(w http.ResponseWriter, _ *http.Request) {
	explainer, able := n.provider.(interface{ ExplainTable() (string, error) })
	if !able {
		http.Error(w, "GoAkt's own provider cannot tell", http.StatusNotFound)
		return
	}
	table, err := explainer.ExplainTable()
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprint(w, table)
}

func reply(w http.ResponseWriter, err error, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	json.NewEncoder(w).Encode(body)
}
