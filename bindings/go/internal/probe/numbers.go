package main

import (
	"fmt"
	"strconv"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// answerWithNumbers answers the commands that have arguments.
func (p *probe) answerWithNumbers(command []string) (string, error) {
	switch {
	case len(command) == 3 && command[0] == "wait":
		return p.wait(command[1], command[2])
	case len(command) == 4 && command[0] == "settle":
		return p.settle(command[1], command[2], command[3])
	case len(command) == 2 && command[0] == "refresh":
		return p.refresh(command[1])
	}
	return "", fmt.Errorf("no such command: %q", command)
}

func (p *probe) wait(afterGeneration, timeout string) (string, error) {
	after, err := strconv.ParseUint(afterGeneration, 10, 64)
	if err != nil {
		return "", err
	}
	timeoutMS, err := milliseconds(timeout)
	if err != nil {
		return "", err
	}
	peers, failure := p.handle.Wait(after, timeoutMS)
	return line("wait", snapshot(peers.Generation, addresses(peers.Nodes)), errorFrom(failure)), nil
}

func (p *probe) settle(least, stableFor, timeout string) (string, error) {
	min, err := strconv.ParseUint(least, 10, 0)
	if err != nil {
		return "", err
	}
	stableForMS, err := milliseconds(stableFor)
	if err != nil {
		return "", err
	}
	timeoutMS, err := milliseconds(timeout)
	if err != nil {
		return "", err
	}
	peers, failure := p.handle.WaitForPeers(uint(min), stableForMS, timeoutMS)
	return line("settle", snapshot(peers.Generation, addresses(peers.Nodes)), errorFrom(failure)), nil
}

func (p *probe) refresh(timeout string) (string, error) {
	timeoutMS, err := milliseconds(timeout)
	if err != nil {
		return "", err
	}
	return line("refresh", "", errorFrom(p.handle.Refresh(timeoutMS))), nil
}

func milliseconds(text string) (int32, error) {
	number, err := strconv.ParseInt(text, 10, 32)
	return int32(number), err
}

// errorFrom is what the public package makes of a failure.
func errorFrom(failure *capi.Failure) error {
	if failure == nil {
		return nil
	}
	return &kubepeers.Error{
		Status:     kubepeers.Status(failure.Status),
		Message:    failure.Message,
		Retryable:  failure.Retryable,
		HTTPStatus: failure.HTTPStatus,
	}
}
