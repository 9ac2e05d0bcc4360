package kubepeers_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
	"github.com/kubepeers/kubepeers/bindings/go/internal/settings"
)

func TestEveryPodIsExplained(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	c.pod("a", "10.1.0.2")
	c.run("pod", "--namespace", c.namespace, "--label", "app=demo", "--phase", "Running", "--ip", "10.1.0.3", "portless")
	provider := c.register("self")

	explanation := must[kubepeers.Explanation](t)(provider.Explain())
	verdicts := make(map[string]string)
	for _, pod := range explanation.Pods {
		verdicts[pod.Name] = pod.Verdict
	}
	want := map[string]string{"self": "self", "a": "peer", "portless": "no-discovery-port"}
	if !maps.Equal(verdicts, want) || explanation.Namespace != c.namespace || explanation.Selector != "app=demo" || explanation.Gate != "open" {
		t.Errorf("%+v", explanation)
	}
	a := explanation.Pods[0]
	if _, err := time.Parse(time.RFC3339, a.Started); err != nil || a.UID != c.uid("a") || !strings.Contains(explanation.Self, "self") {
		t.Errorf("%+v", explanation)
	}
	a.Started, a.UID = "", ""
	if want := (kubepeers.ExplainedPod{
		Name: "a", Verdict: "peer", Address: "10.1.0.2:3322", IPs: []string{"10.1.0.2"}, Phase: "Running", Ready: true, NodeName: "node-1",
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

// The library may add fields; those that it has today are all taken.
func TestNothingOfAnExplanationIsLost(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	var handle capi.Provider
	provider := c.register("self", func(s *settings.Settings) { s.Initialized = func(h capi.Provider) { handle = h } })
	succeed(t, discover(provider))
	text, failure := handle.Explain(capi.ExplainJSON)
	if failure != nil {
		t.Fatal(failure)
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	succeed(t, decoder.Decode(new(kubepeers.Explanation)))
}

func TestExplanationIsReadAsItIsWritten(t *testing.T) {
	written := kubepeers.Explanation{Pods: []kubepeers.ExplainedPod{{Name: "a", Ports: []kubepeers.NamedPort{{Name: "gossip", Number: 1}}}}}
	text := must[[]byte](t)(json.Marshal(written))
	var read kubepeers.Explanation
	succeed(t, json.Unmarshal(text, &read))
	if !reflect.DeepEqual(read, written) || !strings.Contains(string(text), `"ports":[["gossip",1]]`) {
		t.Errorf("%s", text)
	}
}

func TestMetricsAreOfThisProvider(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	c.pod("a", "10.1.0.2")
	c.pod("b", "10.1.0.3")
	metrics := must[string](t)(c.register("self").Metrics())
	sample := `kubepeers_peers{namespace="` + c.namespace + `",selector="app=demo"} 2`
	if !strings.Contains(metrics, "\n"+sample+"\n") || !strings.HasPrefix(metrics, "# HELP ") || !strings.HasSuffix(metrics, "\n") {
		t.Errorf("no %q in\n%s", sample, metrics)
	}
}
