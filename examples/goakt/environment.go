package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"
)

// environment is what the node is told by its manifest.
type environment struct {
	host                                          string // POD_IP
	namespace                                     string // NAMESPACE; without it the service account's
	labels                                        map[string]string
	gossipPort, remotingPort, peersPort, httpPort int

	provider   string // PROVIDER: kubepeers, or goakt for GoAkt's own
	ipFamily   string // KUBEPEERS_IP_FAMILY
	pending    bool   // KUBEPEERS_PENDING=include
	members    int    // MIN_MEMBERS that /ready asks for
	startDelay time.Duration
}

func readEnvironment() (e environment, err error) {
	e.provider = variable("PROVIDER", "kubepeers")
	e.ipFamily = variable("KUBEPEERS_IP_FAMILY", "primary")
	e.pending = variable("KUBEPEERS_PENDING", "exclude") == "include"
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

// ownAddress is in POD_IP, one or, as status.podIPs has them, one of each family.
func ownAddress(family string) (string, error) {
	addresses := strings.Split(os.Getenv("POD_IP"), ",")
	for _, address := range addresses {
		if isIPv6 := strings.Contains(address, ":"); address != "" && (family == "primary" || isIPv6 == (family == "ipv6")) {
			return address, nil
		}
	}
	return "", fmt.Errorf("POD_IP=%q has no address of the family %s", os.Getenv("POD_IP"), family)
}

// delay waits for a random time, up to START_DELAY_MS: pods do not start at once.
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
