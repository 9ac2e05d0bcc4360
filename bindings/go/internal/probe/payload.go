package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

func snapshot(generation uint64, addresses []string) string {
	return strings.Join(append([]string{strconv.FormatUint(generation, 10)}, addresses...), " ")
}

func addresses(nodes []capi.Node) []string {
	var addresses []string
	for _, node := range nodes {
		addresses = append(addresses, kubepeers.Node(node).Address())
	}
	return addresses
}

func records(nodes []kubepeers.Node) string {
	var records []string
	for _, n := range nodes {
		records = append(records, fmt.Sprintf("%s,%s,%s,%d,%d,%d,%d,%s,%s",
			n.Name, n.UID, n.Host, n.DiscoveryPort, n.RemotingPort, n.PeersPort, digit(n.Ready), n.NodeName, n.Revision))
	}
	return strings.Join(records, " ")
}

func state(health kubepeers.Health) string {
	status, class := "-", "-"
	var failure *kubepeers.Error
	if errors.As(health.Err, &failure) {
		status = failure.Status.String()
	}
	if health.ErrClass != "" {
		class = health.ErrClass
	}
	return fmt.Sprintf("%d %d %d %s %s", digit(health.Synced), digit(health.Stale), digit(health.Polling), status, class)
}

func digit(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
