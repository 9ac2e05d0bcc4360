// Package e2e runs clusters in real pods, deployed by the manifests in deploy/, and
// checks the members that each node knows while pods start, end and fail. The nodes are
// those of GoAkt (tests/e2e/programs/goakt), hashicorp/memberlist
// (tests/e2e/programs/memberlist), Pekko (examples/pekko) and JGroups
// (tests/e2e/programs/jgroups). Other scenarios run a service in Python
// (examples/python-service), a program in C (examples/c) and the command `kubepeers`.
//
// `make e2e` runs it on a Kubernetes node that it creates, where the addresses of pods
// are reachable.
package e2e

import (
	"os"
	"testing"
	"time"
)

// testTimeout limits waits that should be short. It is long because the machines that
// run tests are busy.
const testTimeout = 3 * time.Minute

// scenarios lists the most important ones first. onlyListAndWatch is the last, because
// it reads the audit log of all others.
var scenarios = []struct {
	name string
	run  func(*env)
}{
	{"five nodes start at once", fiveAtOnce},
	{"ten cold starts", coldStarts},
	{"GoAkt's own provider", goaktsProvider},
	{"nodes start without the Role", withoutRole},
	{"one node cannot reach the API server", cutOff},
	{"scale from one to five to two", scaled},
	{"rolling update", rollingUpdate},
	{"a node is killed", killed},
	{"a pod without the port", withoutPort},
	{"host network", hostNetwork},
	{"IPv6", ipv6},
	{"native sidecar", sidecar},
	{"API server is down during a rolling update", serverDown},
	{"Role is revoked and restored", roleRevoked},
	{"Memberlist ring", memberlistRing},
	{"Memberlist ring starts while the API server is down", memberlistWithoutServer},
	{"Pekko cold start", pekkoColdStart},
	{"Pekko rolling update", pekkoRollingUpdate},
	{"Pekko starts while the API server is down", pekkoWithoutServer},
	{"JGroups cold start", jgroupsColdStart},
	{"service in Python", pythonService},
	{"program in C with two keys", cProgram},
	{"doctor without the Role", doctorWithoutRole},
	{"doctor without a token", doctorWithoutToken},
	{"doctor in an image without a shell", doctorWithoutShell},
	{"doctor in a debug container", doctorInDebugContainer},
	{"doctor copied into a container", doctorCopied},
	{"time until the first result", firstResult},
	{"requests to the API server", onlyListAndWatch},
}

func TestScenarios(t *testing.T) {
	for _, scenario := range scenarios {
		t.Run(scenario.name, func(t *testing.T) { scenario.run(newEnv(t)) })
	}
}

func TestMain(m *testing.M) {
	for _, name := range []string{
		"KUBECONFIG", "TESTENV", "TESTENV_DIR", "DEPLOY",
		"NODE_IMAGE", "MEMBERLIST_IMAGE", "PEKKO_IMAGE", "JGROUPS_IMAGE",
		"SERVICE_IMAGE", "PROGRAM_IMAGE", "COMMAND_IMAGE", "BUSYBOX_IMAGE", "COMMAND",
	} {
		if os.Getenv(name) == "" {
			println(name + " is not set: these tests need the node that `make e2e` creates")
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}
