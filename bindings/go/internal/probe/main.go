// Command probe runs the conformance cases against this package. The probes of the
// other languages read the same commands and print the same lines.
//
// Its arguments are the configuration, KEY=VALUE. It reads commands from stdin, one
// per line, and answers each command with one line of five fields, separated by tabs:
//
//	COMMAND STATUS RETRYABLE HTTP_STATUS PAYLOAD
//
// The README of the conformance cases documents the commands and payloads.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
	"github.com/kubepeers/kubepeers/bindings/go/internal/raw"
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
	defer p.close()
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
	config raw.Config
	// discoverTimeout is the default timeout of the library's calls. The Go package has
	// contexts instead.
	discoverTimeout time.Duration
	isObserver      bool
	records         recorder

	provider *kubepeers.Provider // nil before init
	handle   capi.Provider       // for the generation, which is not public
	isOpen   bool

	subscription subscription
	manifest     string // of the last command's error
}

// newProbe passes the configuration to the library without validating it.
func newProbe(configuration []string) (*probe, error) {
	p := &probe{records: newRecorder()}
	p.config.RegisterTimeout = 5 * time.Second
	p.discoverTimeout = 3 * time.Second
	for _, argument := range configuration {
		key, value, found := strings.Cut(argument, "=")
		if !found {
			return nil, fmt.Errorf("argument %q is not KEY=VALUE", argument)
		}
		p.config.Pairs = append(p.config.Pairs, capi.Pair{Key: key, Value: value})
		duration, err := milliseconds(value)
		switch {
		case key == "log":
			p.config.Logger = p.records.logger(value)
		case key == "membership":
			p.isObserver = value == "observer"
		case key == "register_timeout_ms" && err == nil:
			p.config.RegisterTimeout = duration
		case key == "discover_timeout_ms" && err == nil:
			p.discoverTimeout = duration
		}
	}
	return p, nil
}

// needProvider lists the commands that fail before init.
var needProvider = []string{
	"register", "discover", "wait", "settle", "refresh", "nodes", "self", "health", "metrics",
	"explain", "next", "deregister",
}

func (p *probe) answer(command []string) (string, error) {
	if p.provider == nil && len(command) > 0 && slices.Contains(needProvider, command[0]) {
		return line(command[0], "", fromLibrary(capi.Provider(0).Deregister())), nil
	}
	switch strings.Join(command, " ") {
	case "init":
		return line("init", "", p.init()), nil
	case "register":
		return line("register", "", p.provider.Register(context.Background())), nil
	case "discover":
		snapshot, err := within(p.discoverTimeout, p.provider.DiscoverPeers)
		return line("discover", strings.Join(snapshot.Addresses(), " "), err), nil
	case "generation":
		return line("generation", strconv.FormatUint(p.handle.Generation(), 10), nil), nil
	case "nodes":
		snapshot, err := within(p.discoverTimeout, p.provider.DiscoverPeers)
		return line("nodes", records(slices.Collect(snapshot.Nodes())), err), nil
	case "self":
		return p.self(), nil
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
		p.subscription.end() // The command next begins a new one.
		return line(command[0], "", nil), nil
	case "deregister":
		return line("deregister", "", p.provider.Deregister()), nil
	case "close":
		return line("close", "", p.close()), nil
	}
	return p.answerWithNumbers(command)
}

// init calls the library directly if the provider is open, because the Go package
// cannot initialize a provider twice.
func (p *probe) init() error {
	if p.isOpen {
		handle := p.handle
		return fromLibrary(capi.Init(p.config.Pairs, &handle))
	}
	provider, handle, err := raw.New(p.config)
	if err != nil {
		return err
	}
	p.provider, p.handle, p.isOpen = provider.(*kubepeers.Provider), handle, true
	return nil
}

func (p *probe) close() error {
	p.isOpen = false
	if p.provider == nil {
		return nil
	}
	return p.provider.Close()
}

// self returns the record of this pod. For an observer, only the Go package returns an
// error instead of no record.
func (p *probe) self() string {
	self, err := within(p.discoverTimeout, p.provider.Self)
	switch {
	case p.isObserver && errors.Is(err, kubepeers.ErrNoIdentity):
		return line("self", "", nil)
	case err != nil:
		return line("self", "", err)
	}
	return line("self", records([]kubepeers.Node{self}), nil)
}

func fromLibrary(failure *capi.Failure) error {
	if failure == nil {
		return nil
	}
	return &kubepeers.Error{
		Status:     kubepeers.Status(failure.Status),
		Message:    failure.Message,
		Retryable:  failure.Retryable,
		HTTPStatus: failure.HTTPStatus,
		Manifest:   failure.Manifest,
	}
}

// manifest is the manifest of the last line's error.
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
	return fmt.Sprintf("%s\t%v\t%d\t%d\t%s", command, failure.Status.String(),
		digit(failure.Retryable), failure.HTTPStatus, escape.Replace(failure.Message))
}
