package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
	"github.com/kubepeers/kubepeers/bindings/go/internal/raw"
)

// answerWithNumbers answers the commands that have arguments.
func (p *probe) answerWithNumbers(command []string) (string, error) {
	switch {
	case len(command) == 3 && command[0] == "wait":
		return p.wait(command[1], command[2])
	case len(command) == 4 && command[0] == "settle":
		return p.settle(command[1], command[2], command[3])
	case len(command) == 3 && command[0] == "doctor":
		return p.doctor(command[1], command[2])
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

func (p *probe) doctor(form, timeout string) (string, error) {
	limit, err := milliseconds(timeout)
	if err != nil {
		return "", err
	}
	found, err := raw.Doctor(context.Background(), p.config.Pairs, limit)
	switch {
	case err != nil:
		return line("doctor", "", err), nil
	case form == "text":
		return line("doctor", found.(*kubepeers.Report).String(), nil), nil
	}
	return line("doctor", examined(found.(*kubepeers.Report)), nil), nil
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
	newer := func(ctx context.Context) (kubepeers.Snapshot, error) { return p.newerThan(ctx, after) }
	found, err := within(p.timeout(limit), newer)
	return line("wait", snapshot(found), err), nil
}

// newerThan implements the library's wait with a Watch. It returns the first newer
// snapshot, or the last error.
func (p *probe) newerThan(ctx context.Context, after uint64) (kubepeers.Snapshot, error) {
	lastErr := error(context.DeadlineExceeded) // if Watch yields nothing
	for snapshot, err := range p.provider.Watch(ctx) {
		switch {
		case err == nil && snapshot.Generation() > after:
			return snapshot, nil
		case err == nil:
			message := fmt.Sprintf("there is nothing newer than generation %d", after)
			lastErr = &kubepeers.Error{Status: kubepeers.ErrTimeout, Message: message, Retryable: true}
		default:
			lastErr = err
			if !isTransient(err) {
				return kubepeers.Snapshot{}, err
			}
		}
	}
	return kubepeers.Snapshot{}, lastErr
}

// isTransient reports whether the library's own calls wait while they have this error.
func isTransient(err error) bool {
	return errors.Is(err, kubepeers.ErrNotSynced) ||
		errors.Is(err, kubepeers.ErrSelfNotVisible) ||
		errors.Is(err, kubepeers.ErrStale)
}

func (p *probe) settle(minPeers, stableFor, timeout string) (string, error) {
	min, err := strconv.ParseUint(minPeers, 10, 31)
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

// timeout returns the default if the timeout is negative.
func (p *probe) timeout(timeout time.Duration) time.Duration {
	if timeout < 0 {
		return p.discoverTimeout
	}
	return timeout
}

// minTimeout replaces a timeout of 0, because calls return only the error of a context
// that has ended before. It is shorter than any request to an API server.
const minTimeout = 100 * time.Microsecond

// within makes a call with a timeout. It repeats the call if the timeout expired before
// the call reached the library, which happens on a busy machine.
func within[T any](timeout time.Duration, call func(context.Context) (T, error)) (T, error) {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), max(timeout, minTimeout))
		result, err := call(ctx)
		cancel()
		if err != context.DeadlineExceeded {
			return result, err
		}
	}
}
