package kubepeers_test

import (
	"context"
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

func TestExplainHasVerdictOfEachPod(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	c.runningPod("a", "10.1.0.2")
	c.portlessPod("portless", "10.1.0.3")
	provider := c.register("self")

	explanation := must[kubepeers.Explanation](t)(provider.Explain())
	if explanation.Namespace != c.namespace || explanation.Selector != "app=demo" ||
		explanation.Gate != kubepeers.GateOpen || !strings.Contains(explanation.Self, "self") {
		t.Errorf("got %+v; want the namespace, the selector, an open gate and self", explanation)
	}
	verdicts := make(map[string]kubepeers.Verdict)
	for _, pod := range explanation.Pods {
		verdicts[pod.Name] = pod.Verdict
	}
	wantVerdicts := map[string]kubepeers.Verdict{
		"self":     kubepeers.VerdictSelf,
		"a":        kubepeers.VerdictPeer,
		"portless": kubepeers.VerdictNoDiscoveryPort,
	}
	if !maps.Equal(verdicts, wantVerdicts) {
		t.Fatalf("got verdicts %v; want %v", verdicts, wantVerdicts)
	}

	got := explanation.Pods[0]
	if age := time.Since(got.Started); age < -time.Minute || age > time.Hour {
		t.Errorf("got start time %v; want about now", got.Started)
	}
	want := kubepeers.ExplainedPod{
		Name:     "a",
		Verdict:  kubepeers.VerdictPeer,
		Address:  netip.MustParseAddrPort("10.1.0.2:3322"),
		IPs:      []netip.Addr{netip.MustParseAddr("10.1.0.2")},
		Phase:    "Running",
		Ready:    true,
		NodeName: "node-1",
		UID:      c.uid("a"),
		Started:  got.Started,
		Ports:    []kubepeers.NamedPort{{Name: "gossip", Number: 3322}, {Name: "remoting", Number: 3323}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v; want %+v", got, want)
	}

	table := must[string](t)(provider.ExplainTable())
	for _, cell := range []string{
		"POD ", "VERDICT", "portless ", "no-discovery-port ", "10.1.0.2:3322",
	} {
		if !strings.Contains(table, cell) {
			t.Errorf("got table without %q:\n%s", cell, table)
		}
	}
}

func TestExplainBeforeFirstListFails(t *testing.T) {
	provider := unsyncedProvider(t)
	for _, name := range []string{"Explain", "ExplainTable"} {
		requireStatus(t, calls[name](context.Background(), provider), kubepeers.ErrNotSynced)
	}
}

// If the library adds a field, this package must add it as well.
func TestExplainHasEveryFieldOfLibrary(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	provider := c.register("self")
	c.discover(provider)
	text, failure := provider.Handle().Explain(capi.ExplainJSON)
	if failure != nil {
		t.Fatalf("got failure %+v; want none", failure)
	}
	explanation := must[kubepeers.Explanation](t)(provider.Explain())
	var want, got map[string]any
	requireNoError(t, json.Unmarshal([]byte(text), &want))
	requireNoError(t, json.Unmarshal(must[[]byte](t)(json.Marshal(explanation)), &got))
	self := want["pods"].([]any)[0].(map[string]any)
	delete(self, "address") // It is null, because the pod is not a peer.
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
}

func TestExplanationRoundTripsThroughJSON(t *testing.T) {
	want := kubepeers.Explanation{
		Gate: kubepeers.GateSelfAbsent,
		Pods: []kubepeers.ExplainedPod{
			{Name: "a", Ports: []kubepeers.NamedPort{{Name: "gossip", Number: 1}}},
		},
	}
	text := must[[]byte](t)(json.Marshal(want))
	var got kubepeers.Explanation
	requireNoError(t, json.Unmarshal(text, &got))
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v; want %+v", got, want)
	}
	if ports := `"ports":[["gossip",1]]`; !strings.Contains(string(text), ports) {
		t.Errorf("got %s; want it to contain %s", text, ports)
	}
}
