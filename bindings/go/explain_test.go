package kubepeers_test

import (
	"encoding/json"
	"maps"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

func TestEveryPodIsExplained(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	c.pod("a", "10.1.0.2")
	c.run("pod", "--namespace", c.namespace, "--label", "app=demo", "--phase", "Running", "--ip", "10.1.0.3", "portless")
	provider := c.register("self")

	explanation := must[kubepeers.Explanation](t)(provider.Explain())
	verdicts := make(map[string]kubepeers.Verdict)
	for _, pod := range explanation.Pods {
		verdicts[pod.Name] = pod.Verdict
	}
	want := map[string]kubepeers.Verdict{
		"self": kubepeers.VerdictSelf, "a": kubepeers.VerdictPeer, "portless": kubepeers.VerdictNoDiscoveryPort,
	}
	if !maps.Equal(verdicts, want) || explanation.Namespace != c.namespace || explanation.Selector != "app=demo" || explanation.Gate != kubepeers.GateOpen {
		t.Errorf("%+v", explanation)
	}
	a := explanation.Pods[0]
	if age := time.Since(a.Started); age < -time.Minute || age > time.Hour || a.UID != c.uid("a") || !strings.Contains(explanation.Self, "self") {
		t.Errorf("%+v", explanation)
	}
	a.Started, a.UID = time.Time{}, ""
	if want := (kubepeers.ExplainedPod{
		Name: "a", Verdict: kubepeers.VerdictPeer, Address: netip.MustParseAddrPort("10.1.0.2:3322"), IPs: []netip.Addr{netip.MustParseAddr("10.1.0.2")},
		Phase: "Running", Ready: true, NodeName: "node-1",
		Ports: []kubepeers.NamedPort{{Name: "gossip", Number: 3322}, {Name: "remoting", Number: 3323}},
	}); !reflect.DeepEqual(a, want) {
		t.Errorf("%+v, not %+v", a, want)
	}

	table := must[string](t)(provider.ExplainTable())
	for _, cell := range []string{"POD ", "VERDICT", "portless ", "no-discovery-port ", "10.1.0.2:3322"} {
		if !strings.Contains(table, cell) {
			t.Errorf("no %q in\n%s", cell, table)
		}
	}
}

// The library may add fields. The package takes all that there are.
func TestExplanationIsComplete(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := c.register("self")
	c.discover(provider)
	text, failure := provider.Handle().Explain(capi.ExplainJSON)
	if failure != nil {
		t.Fatal(failure)
	}
	var raw, ours map[string]any
	succeed(t, json.Unmarshal([]byte(text), &raw))
	succeed(t, json.Unmarshal(must[[]byte](t)(json.Marshal(must[kubepeers.Explanation](t)(provider.Explain()))), &ours))
	pod := raw["pods"].([]any)[0].(map[string]any)
	delete(pod, "address") // null: it is not a peer
	if !reflect.DeepEqual(raw, ours) {
		t.Errorf("%v, not %v", ours, raw)
	}
}

func TestExplanationSurvivesJSON(t *testing.T) {
	written := kubepeers.Explanation{Gate: kubepeers.GateSelfAbsent, Pods: []kubepeers.ExplainedPod{{Name: "a", Ports: []kubepeers.NamedPort{{Name: "gossip", Number: 1}}}}}
	text := must[[]byte](t)(json.Marshal(written))
	var read kubepeers.Explanation
	succeed(t, json.Unmarshal(text, &read))
	if !reflect.DeepEqual(read, written) || !strings.Contains(string(text), `"ports":[["gossip",1]]`) {
		t.Errorf("%s", text)
	}
}
