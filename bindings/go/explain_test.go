package kubepeers_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
)

func TestEveryPodIsExplained(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	c.pod("a", "10.1.0.2")
	c.run("pod", "--namespace", c.namespace, "--label", "app=demo", "--phase", "Running", "--ip", "10.1.0.3", "portless")
	provider := c.register("self")

	var explanation struct {
		Namespace, Selector, Gate string
		Pods                      []struct{ Name, Verdict string }
	}
	succeed(t, json.Unmarshal(must[[]byte](t)(provider.ExplainJSON()), &explanation))
	verdicts := make(map[string]string)
	for _, pod := range explanation.Pods {
		verdicts[pod.Name] = pod.Verdict
	}
	want := map[string]string{"self": "self", "a": "peer", "portless": "no-discovery-port"}
	if !maps.Equal(verdicts, want) || explanation.Namespace != c.namespace || explanation.Selector != "app=demo" || explanation.Gate != "open" {
		t.Errorf("%+v", explanation)
	}

	table := must[string](t)(provider.ExplainTable())
	for _, cell := range []string{"POD ", "VERDICT", "portless ", "no-discovery-port ", "10.1.0.2:3322"} {
		if !strings.Contains(table, cell) {
			t.Errorf("no %q in\n%s", cell, table)
		}
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
