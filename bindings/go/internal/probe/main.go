// Command probe runs the conformance cases against this binding: the probes of
// the other languages read the same commands and print the same lines.
//
// Arguments are configuration, KEY=VALUE. Commands are read from stdin, one a
// line: init, register, discover, wait AFTER TIMEOUT_MS, deregister, close.
// Each is answered with one line of five fields, with tabs between them:
//
//	COMMAND STATUS RETRYABLE HTTP_STATUS PAYLOAD
//
// The payload of an error is its message; of discover, the addresses; of wait,
// the generation and the addresses.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

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
	lines := bufio.NewScanner(commands)
	for lines.Scan() {
		answer, err := p.answer(strings.Fields(lines.Text()))
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
	handle   capi.Provider // for what the public package does not have yet
}

// newProbe gives the configuration to the library as it is, right or wrong.
func newProbe(configuration []string) (*probe, error) {
	p := new(probe)
	options := []kubepeers.Option{func(s *settings.Settings) {
		s.Initialized = func(handle capi.Provider) { p.handle = handle }
	}}
	for _, pair := range configuration {
		key, value, found := strings.Cut(pair, "=")
		if !found {
			return nil, fmt.Errorf("argument %q is not KEY=VALUE", pair)
		}
		options = append(options, func(s *settings.Settings) { s.Set(key, value) })
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
	case "deregister":
		return line("deregister", "", p.provider.Deregister()), nil
	case "close":
		return line("close", "", p.provider.Close()), nil
	}
	if len(command) == 3 && command[0] == "wait" {
		return p.wait(command[1], command[2])
	}
	return "", fmt.Errorf("no such command: %q", command)
}

func (p *probe) wait(afterGeneration, timeoutMS string) (string, error) {
	after, err := strconv.ParseUint(afterGeneration, 10, 64)
	if err != nil {
		return "", err
	}
	timeout, err := strconv.ParseInt(timeoutMS, 10, 32)
	if err != nil {
		return "", err
	}
	peers, failure := p.handle.Wait(after, int32(timeout))
	if failure != nil {
		return line("wait", "", &kubepeers.Error{
			Status:     kubepeers.Status(failure.Status),
			Message:    failure.Message,
			Retryable:  failure.Retryable,
			HTTPStatus: failure.HTTPStatus,
		}), nil
	}
	payload := append([]string{strconv.FormatUint(peers.Generation, 10)}, peers.Addresses...)
	return line("wait", strings.Join(payload, " "), nil), nil
}

var escape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\t", `\t`)

func line(command, payload string, err error) string {
	if err == nil {
		return fmt.Sprintf("%s\tOK\t0\t0\t%s", command, payload)
	}
	var failure *kubepeers.Error
	if !errors.As(err, &failure) {
		failure = &kubepeers.Error{Status: kubepeers.ErrInternal, Message: err.Error()}
	}
	retryable := 0
	if failure.Retryable {
		retryable = 1
	}
	return fmt.Sprintf("%s\t%v\t%d\t%d\t%s", command, failure.Status, retryable, failure.HTTPStatus, escape.Replace(failure.Message))
}
