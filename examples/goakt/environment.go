package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// environment holds the settings of the node, from its manifest.
type environment struct {
	host                                          string // POD_IP
	namespace                                     string // NAMESPACE; without it the service account's
	labels                                        map[string]string
	gossipPort, remotingPort, peersPort, httpPort int

	provider   string             // PROVIDER: kubepeers, or goakt for GoAkt's own
	ipFamily   kubepeers.IPFamily // KUBEPEERS_IP_FAMILY
	pending    kubepeers.Pending  // KUBEPEERS_PENDING
	members    int                // MIN_MEMBERS that /ready asks for
	startDelay time.Duration
}

func readEnvironment() (e environment, err error) {
	e.provider = variable("PROVIDER", "kubepeers")
	e.ipFamily = kubepeers.IPFamily(variable("KUBEPEERS_IP_FAMILY", "primary"))
	e.pending = kubepeers.Pending(os.Getenv("KUBEPEERS_PENDING"))
	e.labels = map[string]string{"app": variable("APP", "goakt-node")}
	if e.host, err = ownAddress(e.ipFamily); err != nil {
		return e, err
	}
	if e.namespace = os.Getenv("NAMESPACE"); e.namespace == "" {
		text, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
		if err != nil {
			return e, fmt.Errorf("NAMESPACE is not set, and there is no service account: %w", err)
		}
		e.namespace = string(text)
	}
	delay := 0
	for _, number := range []struct {
		name  string
		value *int
		usual string
	}{
		{"GOSSIP_PORT", &e.gossipPort, "3322"},
		{"REMOTING_PORT", &e.remotingPort, "3320"},
		{"PEERS_PORT", &e.peersPort, "3321"},
		{"HTTP_PORT", &e.httpPort, "8080"},
		{"MIN_MEMBERS", &e.members, "2"},
		{"START_DELAY_MS", &delay, "0"},
	} {
		if *number.value, err = strconv.Atoi(variable(number.name, number.usual)); err != nil {
			return e, fmt.Errorf("%s: %w", number.name, err)
		}
	}
	e.startDelay = time.Duration(delay) * time.Millisecond
	return e, nil
}

// ownAddress returns the address of the family. POD_IP holds one address, or like
// status.podIPs one of each family.
func ownAddress(family kubepeers.IPFamily) (string, error) {
	addresses := strings.Split(os.Getenv("POD_IP"), ",")
	for _, address := range addresses {
		if isIPv6 := strings.Contains(address, ":"); address != "" && (family == kubepeers.PrimaryIP || isIPv6 == (family == kubepeers.IPv6)) {
			return address, nil
		}
	}
	return "", fmt.Errorf("POD_IP=%q has no address of the family %s", os.Getenv("POD_IP"), family)
}

// delay waits for a random time of up to START_DELAY_MS, because pods do not start at the same
// moment.
func (e environment) delay() {
	if e.startDelay > 0 {
		time.Sleep(rand.N(e.startDelay))
	}
}

func variable(name, usual string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return usual
}
