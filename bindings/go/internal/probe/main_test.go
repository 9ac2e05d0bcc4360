package main

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

var valid = []string{
	"namespace=default", "discovery_port_name=gossip", "remoting_port_name=remoting", "peers_port_name=peers", "pod_labels=a=b,c=d",
}

func TestEveryCommandHasOneLine(t *testing.T) {
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
	if err := run(valid, strings.NewReader(commands.String()), &answers); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(answers.String(), "\n"), "\n")
	if len(lines) != len(conversation) {
		t.Fatalf("%q", lines)
	}
	for i, c := range conversation {
		fields := strings.Split(lines[i], "\t")
		if len(fields) != 5 || fields[0]+" "+fields[1] != c.answer {
			t.Errorf("%s: %q, want %s", c.command, lines[i], c.answer)
		}
	}
}

func TestConfigurationIsPassedOnAsItIs(t *testing.T) {
	for argument, status := range map[string]string{"no_such_key=x": "UNKNOWN_KEY", "namespace=": "INVALID_CONFIG", "membership=a=b": "INVALID_CONFIG"} {
		var answers strings.Builder
		if err := run(append(valid[:5:5], argument), strings.NewReader("init\n"), &answers); err != nil {
			t.Fatal(err)
		}
		if answer := answers.String(); !strings.HasPrefix(answer, "init\t"+status+"\t0\t0\t") {
			t.Errorf("%s: %q, want %s", argument, answer, status)
		}
	}
}

func TestMessagesAreOneField(t *testing.T) {
	got := line("register", "", &kubepeers.Error{Status: kubepeers.ErrForbidden, Message: "a\\b\n\tc", Retryable: true, HTTPStatus: 403})
	if want := "register\tFORBIDDEN\t1\t403\t" + `a\\b\n\tc`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTextsAreOneField(t *testing.T) {
	if got, want := line("explain", "a\\b\n\tc", nil), "explain\tOK\t0\t0\t"+`a\\b\n\tc`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestRecords(t *testing.T) {
	a := kubepeers.Node{
		Name: "a", UID: "u", Addr: netip.MustParseAddr("fd00::7"), DiscoveryPort: 1, RemotingPort: 2, PeersPort: 3, Ready: true, NodeName: "n", Revision: "r",
	}
	if got, want := records([]kubepeers.Node{a, {Name: "b"}}), "a,u,fd00::7,1,2,3,1,n,r b,,invalid IP,0,0,0,0,,"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := records(nil); got != "" {
		t.Errorf("%q", got)
	}
}

func TestState(t *testing.T) {
	for want, health := range map[string]kubepeers.Health{
		"1 0 1 0 - -":                   {Synced: true, Age: 1, Watching: true},
		"0 1 0 0 UNAVAILABLE timed-out": {Stale: true, Err: &kubepeers.Error{Status: kubepeers.ErrUnavailable}, ErrClass: "timed-out"},
		"1 0 0 1 FORBIDDEN forbidden":   {Synced: true, Polling: true, Err: &kubepeers.Error{Status: kubepeers.ErrForbidden}, ErrClass: "forbidden"},
	} {
		if got := state(health); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestSnapshotIsGenerationAndAddresses(t *testing.T) {
	if got, want := snapshot(kubepeers.Snapshot{}), "0"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestExplained(t *testing.T) {
	explanation := kubepeers.Explanation{Gate: "open", Pods: []kubepeers.ExplainedPod{
		{Name: "a", Address: netip.MustParseAddrPort("10.0.0.2:1"), Started: time.Unix(0, 0).UTC()}, {Name: "b"},
	}}
	text := explained(explanation)
	for _, want := range []string{`"gate":"open"`, `"name":"a"`, `"address":"10.0.0.2:1"`, `"address":null`, `"started":"1970-01-01T00:00:00Z"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s, want %s", text, want)
		}
	}
}

func TestInvalidCommandsAreErrors(t *testing.T) {
	for _, command := range []string{"nothing", "", "init now", "wait", "wait x 0", "wait 0 x",
		"settle", "settle -1 0 0", "settle 0 x 0", "settle 0 0 x", "refresh", "refresh x", "next", "next x", "log", "watch 0", "explain", "explain x"} {
		if err := run(valid, strings.NewReader("init\n"+command+"\n"), new(strings.Builder)); err == nil {
			t.Errorf("%q was accepted", command)
		}
	}
	if err := run([]string{"namespace"}, strings.NewReader(""), nil); err == nil {
		t.Error("an argument without = was accepted")
	}
}
