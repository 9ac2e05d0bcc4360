package main

import (
	"strings"
	"testing"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

var valid = []string{
	"namespace=default", "discovery_port_name=gossip", "remoting_port_name=remoting", "peers_port_name=peers", "pod_labels=a=b,c=d",
}

func TestEveryCommandHasOneLine(t *testing.T) {
	commands := "wait 0 0\ninit\ninit\ndiscover\nwait 7 -1\nderegister\nclose\nclose\nwait 0 0\nregister\n"
	want := []string{
		"wait NOT_INITIALIZED", "init OK", "init ALREADY_INITIALIZED", "discover NOT_REGISTERED", "wait NOT_REGISTERED",
		"deregister NOT_REGISTERED", "close OK", "close OK", "wait CLOSED", "register CLOSED",
	}
	var answers strings.Builder
	if err := run(valid, strings.NewReader(commands), &answers); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(answers.String(), "\n"), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%q", lines)
	}
	for i, line := range lines {
		fields := strings.Split(line, "\t")
		if len(fields) != 5 || fields[0]+" "+fields[1] != want[i] {
			t.Errorf("%q, want %s", line, want[i])
		}
	}
}

func TestConfigurationIsGivenAsItIs(t *testing.T) {
	for argument, status := range map[string]string{"no_such_key=x": "UNKNOWN_KEY", "namespace=": "INVALID_CONFIG", "self=a=b": "INVALID_CONFIG"} {
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

func TestMistakesOfTheCaller(t *testing.T) {
	for _, command := range []string{"nothing", "", "init now", "wait", "wait x 0", "wait 0 x"} {
		if err := run(valid, strings.NewReader(command+"\n"), new(strings.Builder)); err == nil {
			t.Errorf("%q was accepted", command)
		}
	}
	if err := run([]string{"namespace"}, strings.NewReader(""), nil); err == nil {
		t.Error("an argument without = was accepted")
	}
}
