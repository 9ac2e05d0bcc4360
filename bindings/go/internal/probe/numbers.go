package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// answerWithNumbers answers the commands that have arguments.
func (p *probe) answerWithNumbers(command []string) (string, error) {
	switch {
	case len(command) == 3 && command[0] == "wait":
		return p.wait(command[1], command[2])
	case len(command) == 4 && command[0] == "settle":
		return p.settle(command[1], command[2], command[3])
	case len(command) == 2:
		timeout, err := milliseconds(command[1])
		if err != nil {
			return "", err
		}
		switch command[0] {
		case "refresh":
			return p.refresh(timeout), nil
		case "next":
			return p.next(timeout), nil
		case "log":
			return p.log(timeout), nil
		}
	}
	return "", fmt.Errorf("no such command: %q", command)
}

func milliseconds(text string) (time.Duration, error) {
	number, err := strconv.ParseInt(text, 10, 32)
	return time.Duration(number) * time.Millisecond, err
}

func (p *probe) wait(afterGeneration, timeout string) (string, error) {
	after, err := strconv.ParseUint(afterGeneration, 10, 64)
	if err != nil {
		return "", err
	}
	limit, err := milliseconds(timeout)
	if err != nil {
		return "", err
	}
	found, err := within(p.timeout(limit), func(ctx context.Context) (kubepeers.Snapshot, error) { return p.newerThan(ctx, after) })
	return line("wait", snapshot(found), err), nil
}

// newerThan takes the states of a Watch until one is newer, as the library's own
// wait does.
func (p *probe) newerThan(ctx context.Context, after uint64) (kubepeers.Snapshot, error) {
	err := error(context.DeadlineExceeded) // if there is no state
	for snapshot, failure := range p.provider.Watch(ctx) {
		switch {
		case failure == nil && snapshot.Generation() > after:
			return snapshot, nil
		case failure == nil:
			message := fmt.Sprintf("there is nothing newer than generation %d", after)
			err = &kubepeers.Error{Status: kubepeers.ErrTimeout, Message: message, Retryable: true}
		default:
			err = failure
			if !mayPass(failure) {
				return kubepeers.Snapshot{}, failure
			}
		}
	}
	return kubepeers.Snapshot{}, err
}

// mayPass reports whether the library's own calls wait until the error has passed.
func mayPass(err error) bool {
	return errors.Is(err, kubepeers.ErrNotSynced) || errors.Is(err, kubepeers.ErrSelfNotVisible) || errors.Is(err, kubepeers.ErrStale)
}

func (p *probe) settle(least, stableFor, timeout string) (string, error) {
	min, err := strconv.ParseUint(least, 10, 31)
	if err != nil {
		return "", err
	}
	stable, err := milliseconds(stableFor)
	if err != nil {
		return "", err
	}
	limit, err := milliseconds(timeout)
	if err != nil {
		return "", err
	}
	found, err := within(p.timeout(limit), func(ctx context.Context) (kubepeers.Snapshot, error) {
		return p.provider.WaitForPeers(ctx, int(min), stable)
	})
	return line("settle", snapshot(found), err), nil
}

func (p *probe) refresh(timeout time.Duration) string {
	_, err := within(p.timeout(timeout), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, p.provider.Refresh(ctx)
	})
	return line("refresh", "", err)
}

// timeout returns the default for a negative number.
func (p *probe) timeout(given time.Duration) time.Duration {
	if given < 0 {
		return p.discoverTimeout
	}
	return given
}

// atLeast stands for a timeout of 0: with a context that has ended, calls return its
// error. No API server answers so soon.
const atLeast = 100 * time.Microsecond

// within calls with a context, and again if that ended before the call could ask
// the library, as it may on a busy machine.
func within[T any](timeout time.Duration, call func(context.Context) (T, error)) (T, error) {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), max(timeout, atLeast))
		result, err := call(ctx)
		cancel()
		if err != context.DeadlineExceeded {
			return result, err
		}
	}
}
