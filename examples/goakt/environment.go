package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// environment is what the manifest of the pod says.
type environment struct {
	podIP, namespace, kind, ipFamily, pending string

	podLabels                                     map[string]string
	gossipPort, remotingPort, peersPort, httpPort int
	minMembers                                    int

	startDelay time.Duration
}

func readEnvironment() (environment, error) {
	var r reader
	e := environment{
		podIP:        cmp.Or(os.Getenv("POD_IP"), ownAddress()),
		namespace:    cmp.Or(os.Getenv("NAMESPACE"), ownNamespace()),
		kind:         cmp.Or(os.Getenv("PROVIDER"), "kubepeers"),
		ipFamily:     os.Getenv("KUBEPEERS_IP_FAMILY"),
		pending:      os.Getenv("KUBEPEERS_PENDING"),
		podLabels:    r.labels("POD_LABELS", "app=goakt-node"),
		gossipPort:   r.number("GOSSIP_PORT", 3322),
		remotingPort: r.number("REMOTING_PORT", 3320),
		peersPort:    r.number("PEERS_PORT", 3321),
		httpPort:     r.number("HTTP_PORT", 8080),
		minMembers:   r.number("MIN_MEMBERS", 2),
		// For tests of cold starts: a random time up to this, so that nodes start in any order.
		startDelay: time.Duration(rand.IntN(r.number("START_DELAY_MS", 0)+1)) * time.Millisecond,
	}
	return e, r.err
}

// reader keeps what is wrong, so that it is looked at once.
type reader struct{ err error }

func (r *reader) number(name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		r.err = errors.Join(r.err, fmt.Errorf("%s is %q: give a number", name, text))
	}
	return int(number)
}

func (r *reader) labels(name, otherwise string) map[string]string {
	labels := map[string]string{}
	for pair := range strings.SplitSeq(cmp.Or(os.Getenv(name), otherwise), ",") {
		key, value, found := strings.Cut(pair, "=")
		if !found {
			r.err = errors.Join(r.err, fmt.Errorf("%s has %q: give name=value,…", name, pair))
		}
		labels[key] = value
	}
	return labels
}

// ownAddress is "" if this cannot be found out: GoAkt says then that it is needed.
func ownAddress() string {
	host, _ := os.Hostname() // A pod's name, which its /etc/hosts has.
	addresses, _ := net.DefaultResolver.LookupHost(context.Background(), host)
	if len(addresses) == 0 {
		return ""
	}
	return addresses[0]
}

func ownNamespace() string {
	namespace, _ := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
	return strings.TrimSpace(string(namespace))
}

// pause says whether the time has passed, which it has not if the process is to stop.
func pause(stop context.Context, duration time.Duration) bool {
	select {
	case <-time.After(duration):
		return true
	case <-stop.Done():
		return false
	}
}
