// Command probe runs the conformance cases against this binding: the probes of
// the other languages read the same commands and print the same lines.
//
// Arguments are configuration, KEY=VALUE. Commands are read from stdin, one a
// line, and each is answered with one line of five fields, with tabs between them:
//
//	COMMAND STATUS RETRYABLE HTTP_STATUS PAYLOAD
//
// README.md of the conformance cases says what the commands and payloads are.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
	"github.com/kubepeers/kubepeers/bindings/go/internal/settings"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(2)
	}
}

func run(configuration []string, commands io.Reader, answers io.Writer) error {
	p, err := newProbe(configuration)
	if err != nil {
		return err
	}
	defer p.provider.Close()
	defer p.subscription.end()
	lines := bufio.NewScanner(commands)
	for lines.Scan() {
		answer, err := p.answer(strings.Fields(lines.Text()))
		if lines.Text() != "manifest" {
			p.manifest, manifest = manifest, ""
		}
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(answers, answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

type probe struct {
	provider *kubepeers.Provider
	handle   capi.Provider // for the generation, which the public package compares itself
	// What a negative timeout stands for: the public package takes contexts.
	discoverTimeout time.Duration
	subscription    subscription
	manifest        string // of the last call's error
	records         recorder
}

// newProbe gives the configuration to the library as it is, right or wrong.
func newProbe(configuration []string) (*probe, error) {
	p := &probe{records: newRecorder()}
	options := []kubepeers.Option{func(s *settings.Settings) {
		s.Initialized = func(handle capi.Provider) { p.handle = handle }
	}}
	for _, pair := range configuration {
		key, value, found := strings.Cut(pair, "=")
		if !found {
			return nil, fmt.Errorf("argument %q is not KEY=VALUE", pair)
		}
		if key == "log" {
			options = append(options, p.records.option(value))
		}
		options = append(options, func(s *settings.Settings) {
			s.Set(key, value)
			p.discoverTimeout = s.Duration("discover_timeout_ms", 3*time.Second)
		})
	}
	p.provider = kubepeers.New(kubepeers.Config{}, options...)
	return p, nil
}

func (p *probe) answer(command []string) (string, error) {
	switch strings.Join(command, " ") {
	case "init":
		return line("init", "", p.provider.Initialize()), nil
	case "register":
		return line("register", "", p.provider.Register()), nil
	case "discover":
		addresses, err := p.provider.DiscoverPeers()
		return line("discover", strings.Join(addresses, " "), err), nil
	case "generation":
		return line("generation", strconv.FormatUint(p.handle.Generation(), 10), nil), nil
	case "nodes":
		nodes, err := p.provider.Nodes()
		return line("nodes", records(nodes), err), nil
	case "self":
		self, err := within(p.discoverTimeout, p.provider.Self)
		if self == nil {
			return line("self", "", err), nil
		}
		return line("self", records([]kubepeers.Node{*self}), err), nil
	case "manifest":
		return line("manifest", p.manifest, nil), nil
	case "health":
		health, err := p.provider.Health()
		return line("health", state(health), err), nil
	case "metrics":
		text, err := p.provider.Metrics()
		return line("metrics", text, err), nil
	case "explain json":
		explanation, err := p.provider.Explain()
		return line("explain", explained(explanation), err), nil
	case "explain table":
		text, err := p.provider.ExplainTable()
		return line("explain", text, err), nil
	case "watch", "unwatch":
		p.subscription.end() // next begins it
		return line(command[0], "", nil), nil
	case "deregister":
		return line("deregister", "", p.provider.Deregister()), nil
	case "close":
		return line("close", "", p.provider.Close()), nil
	}
	return p.answerWithNumbers(command)
}

// manifest is that of the error of the last line.
var manifest string

var escape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\t", `\t`)

func line(command, payload string, err error) string {
	if err == nil {
		return fmt.Sprintf("%s\tOK\t0\t0\t%s", command, escape.Replace(payload))
	}
	var failure *kubepeers.Error
	if !errors.As(err, &failure) {
		failure = &kubepeers.Error{Status: kubepeers.ErrInternal, Message: err.Error()}
	}
	manifest = failure.Manifest
	return fmt.Sprintf("%s\t%v\t%d\t%d\t%s",
		command, failure.Status, digit(failure.Retryable), failure.HTTPStatus, escape.Replace(failure.Message))
}
