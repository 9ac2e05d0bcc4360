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

// environment holds the settings of the node. deploy/goakt.yaml sets the first two, and
// scenarios set others.
type environment struct {
	host      string // from POD_IP
	namespace string // POD_NAMESPACE
	labels    map[string]string

	gossipPort, remotingPort, peersPort, httpPort int // GOSSIP_PORT …

	provider   string             // PROVIDER: kubepeers, or goakt for GoAkt's own
	ipFamily   kubepeers.IPFamily // KUBEPEERS_IP_FAMILY
	pending    kubepeers.Pending  // KUBEPEERS_PENDING
	minMembers int                // MIN_MEMBERS, from which on /ready succeeds
	startDelay time.Duration      // START_DELAY_MS
}

func readEnvironment() (e environment, err error) {
	e.provider = variable("PROVIDER", "kubepeers")
	e.ipFamily = kubepeers.IPFamily(variable("KUBEPEERS_IP_FAMILY", "primary"))
	e.pending = kubepeers.Pending(os.Getenv("KUBEPEERS_PENDING"))
	e.labels = map[string]string{"app": "goakt-node"}
	e.namespace = os.Getenv("POD_NAMESPACE")
	if e.host, err = podAddress(e.ipFamily); err != nil {
		return e, err
	}
	delay := 0
	for _, number := range []struct {
		name         string
		value        *int
		defaultValue string
	}{
		{"GOSSIP_PORT", &e.gossipPort, "3322"},
		{"REMOTING_PORT", &e.remotingPort, "3320"},
		{"PEERS_PORT", &e.peersPort, "3321"},
		{"HTTP_PORT", &e.httpPort, "8080"},
		{"MIN_MEMBERS", &e.minMembers, "3"},
		{"START_DELAY_MS", &delay, "0"},
	} {
		text := variable(number.name, number.defaultValue)
		if *number.value, err = strconv.Atoi(text); err != nil {
			return e, fmt.Errorf("%s: %w", number.name, err)
		}
	}
	e.startDelay = time.Duration(delay) * time.Millisecond
	return e, nil
}

// podAddress returns the address of the family from POD_IP, which has one address or,
// like status.podIPs, one of each family.
func podAddress(family kubepeers.IPFamily) (string, error) {
	addresses := strings.Split(os.Getenv("POD_IP"), ",")
	for _, address := range addresses {
		isIPv6 := strings.Contains(address, ":")
		isOfFamily := family == kubepeers.PrimaryIP || isIPv6 == (family == kubepeers.IPv6)
		if address != "" && isOfFamily {
			return address, nil
		}
	}
	return "", fmt.Errorf("POD_IP %q has no address of the family %s", os.Getenv("POD_IP"), family)
}

// delay sleeps for a random time of up to START_DELAY_MS.
func (e environment) delay() {
	if e.startDelay > 0 {
		time.Sleep(rand.N(e.startDelay))
	}
}

func variable(name, defaultValue string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return defaultValue
}
