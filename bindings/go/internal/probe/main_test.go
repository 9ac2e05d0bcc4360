package main

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

var validConfig = []string{
	"namespace=default", "pod_labels=a=b,c=d", "discovery_port_name=gossip",
	"remoting_port_name=remoting", "peers_port_name=peers",
}

func TestEachCommandIsAnsweredByOneLine(t *testing.T) {
	conversation := []struct{ command, answer string }{
		{"wait 0 0", "wait NOT_INITIALIZED"},
		{"init", "init OK"},
		{"init", "init ALREADY_INITIALIZED"},
		{"discover", "discover NOT_REGISTERED"},
		{"wait 7 -1", "wait NOT_REGISTERED"},
		{"settle 1 0 -1", "settle NOT_REGISTERED"},
		{"settle 1 -1 0", "settle INVALID_ARGUMENT"},
		{"refresh -1", "refresh NOT_REGISTERED"},
		{"generation", "generation OK"},
		{"watch", "watch OK"},
		{"next 60000", "next NOT_REGISTERED"},
		{"log 0", "log TIMEOUT"},
		{"nodes", "nodes NOT_REGISTERED"},
		{"self", "self NOT_REGISTERED"},
		{"manifest", "manifest OK"},
		{"health", "health NOT_REGISTERED"},
		{"metrics", "metrics NOT_REGISTERED"},
		{"explain json", "explain NOT_REGISTERED"},
		{"explain table", "explain NOT_REGISTERED"},
		{"deregister", "deregister NOT_REGISTERED"},
		{"close", "close OK"},
		{"close", "close OK"},
		{"next 60000", "next CLOSED"},
		{"unwatch", "unwatch OK"},
		{"wait 0 0", "wait CLOSED"},
		{"register", "register CLOSED"},
	}
	var commands, answers strings.Builder
	for _, c := range conversation {
		commands.WriteString(c.command + "\n")
	}
	if err := run(validConfig, strings.NewReader(commands.String()), &answers); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(answers.String(), "\n"), "\n")
	if len(lines) != len(conversation) {
		t.Fatalf("got %d lines; want %d: %q", len(lines), len(conversation), lines)
	}
	for i, c := range conversation {
		fields := strings.Split(lines[i], "\t")
		if len(fields) != 5 || fields[0]+" "+fields[1] != c.answer {
			t.Errorf("%s: got %q; want %s and three more fields", c.command, lines[i], c.answer)
		}
	}
}

func TestConfigurationIsNotValidatedByProbe(t *testing.T) {
	for argument, status := range map[string]string{
		"no_such_key=x":  "UNKNOWN_KEY",
		"namespace=":     "INVALID_CONFIG",
		"membership=a=b": "INVALID_CONFIG",
	} {
		var answers strings.Builder
		config := append(validConfig[:5:5], argument)
		if err := run(config, strings.NewReader("init\n"), &answers); err != nil {
			t.Fatal(err)
		}
		want := "init\t" + status + "\t0\t0\t"
		if got := answers.String(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q; want prefix %q", argument, got, want)
		}
	}
}

func TestPayloadAndMessageAreEscaped(t *testing.T) {
	const text, escaped = "a\\b\n\tc", `a\\b\n\tc`
	forbidden := &kubepeers.Error{
		Status: kubepeers.ErrForbidden, Message: text, Retryable: true, HTTPStatus: 403,
	}
	for got, want := range map[string]string{
		line("register", "", forbidden): "register\tFORBIDDEN\t1\t403\t" + escaped,
		line("explain", text, nil):      "explain\tOK\t0\t0\t" + escaped,
	} {
		if got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
}

func TestNodePayload(t *testing.T) {
	a := kubepeers.Node{
		Name: "a", UID: "u", Addr: netip.MustParseAddr("fd00::7"),
		DiscoveryPort: 1, RemotingPort: 2, PeersPort: 3,
		Ready: true, NodeName: "n", Revision: "r",
	}
	want := "a,u,fd00::7,1,2,3,1,n,r b,,invalid IP,0,0,0,0,,"
	if got := records([]kubepeers.Node{a, {Name: "b"}}); got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	if got := records(nil); got != "" {
		t.Errorf("got %q without nodes; want none", got)
	}
}

func TestHealthPayload(t *testing.T) {
	unavailable := &kubepeers.Error{Status: kubepeers.ErrUnavailable}
	forbidden := &kubepeers.Error{Status: kubepeers.ErrForbidden}
	for want, health := range map[string]kubepeers.Health{
		"1 0 1 0 - -":                   {Synced: true, Age: 1, Watching: true},
		"0 1 0 0 UNAVAILABLE timed-out": {Stale: true, Err: unavailable, ErrClass: "timed-out"},
		"1 0 0 1 FORBIDDEN forbidden": {
			Synced: true, Polling: true, Err: forbidden, ErrClass: "forbidden",
		},
	} {
		if got := state(health); got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
}

func TestSnapshotPayload(t *testing.T) {
	if got := snapshot(kubepeers.Snapshot{}); got != "0" {
		t.Errorf("got %q for the zero Snapshot; want %q", got, "0")
	}
}

func TestExplanationPayload(t *testing.T) {
	address := netip.MustParseAddrPort("10.0.0.2:1")
	got := explained(kubepeers.Explanation{Gate: "open", Pods: []kubepeers.ExplainedPod{
		{Name: "a", Address: address, Started: time.Unix(0, 0).UTC()}, {Name: "b"},
	}})
	for _, want := range []string{
		`"gate":"open"`, `"name":"a"`, `"address":"10.0.0.2:1"`, `"address":null`,
		`"started":"1970-01-01T00:00:00Z"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s; want it to contain %s", got, want)
		}
	}
}

func TestInvalidInputIsError(t *testing.T) {
	for _, command := range []string{
		"nothing", "", "init now", "wait", "wait x 0", "wait 0 x",
		"settle", "settle -1 0 0", "settle 0 x 0", "settle 0 0 x", "refresh", "refresh x",
		"next", "next x", "log", "watch 0", "explain", "explain x",
	} {
		input := strings.NewReader("init\n" + command + "\n")
		if err := run(validConfig, input, new(strings.Builder)); err == nil {
			t.Errorf("got no error for the command %q", command)
		}
	}
	if err := run([]string{"namespace"}, strings.NewReader(""), nil); err == nil {
		t.Error("got no error for an argument without =")
	}
}
