package node

import (
	"net"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/controlplane"
)

// The node has its own network, so these addresses conflict with no other.
const (
	name = "node-1"

	address4 = "10.244.0.1"
	address6 = "fd00:244::1"
	pods4    = "10.244.0.0/16"
	pods6    = "fd00:244::/64"

	services4 = "10.96.0.0/16"
	services6 = "fd00:96::/112"
	apiServer = "10.96.0.1" // the first address in services4: the service "kubernetes"
)

const auditPolicyFile = "audit-policy.yaml"

// setup is that of the API server on a node.
var setup = controlplane.Setup{
	Host: address4,
	Addresses: []net.IP{
		net.ParseIP(address4), net.ParseIP(address6), net.ParseIP(apiServer),
	},
	FixedAuthority: true,
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

// auditPolicy records only the requests of the pods' service accounts.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  userGroups: ["system:serviceaccounts:kube-system"]
- level: Metadata
  userGroups: ["system:serviceaccounts"]
`
