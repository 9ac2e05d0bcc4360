package node

import (
	"net"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/controlplane"
)

// The addresses are nobody else's: the network is the node's own.
const (
	name = "node-1"

	address4 = "10.244.0.1"
	address6 = "fd00:244::1"
	pods4    = "10.244.0.0/16"
	pods6    = "fd00:244::/64"

	services4 = "10.96.0.0/16"
	services6 = "fd00:96::/112"
	apiServer = "10.96.0.1" // the first address for services, the service "kubernetes"
)

const auditPolicyFile = "audit-policy.yaml"

// place is where the API server is on a node.
var place = controlplane.Place{
	Host:         address4,
	Addresses:    []net.IP{net.ParseIP(address4), net.ParseIP(address6), net.ParseIP(apiServer)},
	OneAuthority: true,
	Flags: []string{
		"--bind-address=::",
		"--advertise-address=" + address4,
		"--service-cluster-ip-range=" + services4 + "," + services6,
		"--allow-privileged",
		"--kubelet-preferred-address-types=InternalIP",
		"--audit-policy-file=" + auditPolicyFile,
		"--audit-log-path=audit.log",
	},
}

// What the service accounts of pods ask for, and nothing else.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  userGroups: ["system:serviceaccounts:kube-system"]
- level: Metadata
  userGroups: ["system:serviceaccounts"]
`
