// Package e2e plays what happens to clusters in Kubernetes with real GoAkt nodes
// (examples/goakt) in real pods, deployed by the manifests in deploy/, and asks
// each node for the members that GoAkt itself knows. And the same with services in
// Python (examples/python-service), and the command `kubepeers` beside them. Other
// scenarios use rings of hashicorp/memberlist (examples/memberlist).
//
// `make e2e` runs it inside a node that it makes, where the addresses of pods
// can be reached.
package e2e

import (
	"os"
	"testing"
	"time"
)

// patience bounds waits that should be short. It is no expectation: machines
// that run tests are busy.
const patience = 3 * time.Minute

// scenarios are in the order of what a reader would want to know first. Each has
// a namespace of its own.
var scenarios = []struct {
	name string
	play func(*world)
}{
	{"five at once", fiveAtOnce},
	{"ten cold starts", coldStarts},
	{"the provider of GoAkt for comparison", goaktsOwn},
	{"no role at the start", withoutRole},
	{"one node is cut off from the API server", cutOff},
	{"from one to five to two", scaled},
	{"rolling update", rollingUpdate},
	{"a node is killed", killed},
	{"a pod without the port", withoutPort},
	{"the host's network", hostNetwork},
	{"IPv6", ipv6},
	{"in a native sidecar", sidecar},
	{"the API server is down during a rolling update", serverDown},
	{"the role is taken away and given back", roleRevoked},
	{"a Memberlist ring", memberlistRing},
	{"a Memberlist ring starts while the API server is away", memberlistWithoutServer},
	{"a service in Python", pythonService},
	{"a program in C that sets two keys", cProgram},
	{"the doctor in a pod without the role", doctorWithoutRole},
	{"the doctor in a pod without a token", doctorWithoutToken},
	{"how soon the first answer comes", firstAnswer},
	{"what was asked of the API server", onlyListAndWatch},
}

func TestScenarios(t *testing.T) {
	for _, scenario := range scenarios {
		t.Run(scenario.name, func(t *testing.T) { scenario.play(newWorld(t)) })
	}
}

func TestMain(m *testing.M) {
	for _, name := range []string{"KUBECONFIG", "TESTENV", "TESTENV_DIR", "NODE_IMAGE", "MEMBERLIST_IMAGE", "SERVICE_IMAGE", "PROGRAM_IMAGE", "DEPLOY"} {
		if os.Getenv(name) == "" {
			println(name + " is not set: these tests need the node that `make e2e` makes")
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}
