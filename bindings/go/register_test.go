package kubepeers_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// patient makes a provider whose Register waits for an API server that does not answer.
func patient(t *testing.T) *kubepeers.Provider {
	t.Helper()
	return initialized(t, validConfig(), append(unreachable(t, 0), kubepeers.WithRegisterTimeout(time.Hour))...)
}

// registering begins to register, and gives what ends it and its end.
func registering(t *testing.T, provider *kubepeers.Provider) (context.CancelFunc, <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- provider.RegisterContext(ctx) }()
	return cancel, ended
}

func TestRegistrationIsUndone(t *testing.T) {
	provider := patient(t)
	for range 3 {
		cancel, ended := registering(t, provider)
		eventually(t, "it waits", func() bool { return errors.Is(discover(provider), kubepeers.ErrNotSynced) })
		want(t, provider.Register(), kubepeers.ErrAlreadyRegistered)
		cancel()
		err := <-ended
		if want(t, err, kubepeers.ErrNotSynced); !errors.Is(err, context.Canceled) || !kubepeers.IsRetryable(err) {
			t.Errorf("%v", err)
		}
		want(t, discover(provider), kubepeers.ErrNotRegistered)
		eventually(t, "no thread is left", func() bool { return libraryThreads(t) == 0 })
	}
}

// While it reads files a registration cannot be ended: it is when it has read them.
func TestRegistrationThatHasJustBegunIsUndone(t *testing.T) {
	for _, provider := range []*kubepeers.Provider{patient(t), initialized(t, validConfig(), unreachable(t, 0)...)} {
		for i := range 500 {
			cancel, ended := registering(t, provider)
			time.Sleep(time.Duration(i) * time.Microsecond / 2) // Wherever it is by then.
			cancel()
			if err := <-ended; err == nil { // The second one does not wait.
				succeed(t, provider.Deregister())
			} else if !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
			want(t, provider.Deregister(), kubepeers.ErrNotRegistered)
		}
	}
}

func TestOnlyTheOwnRegistrationIsUndone(t *testing.T) {
	provider := waiting(t, 0)
	for i := range 200 {
		cancel, ended := registering(t, provider)
		time.Sleep(time.Duration(i) * time.Microsecond / 4)
		cancel()
		if err := <-ended; err != context.Canceled {
			want(t, err, kubepeers.ErrAlreadyRegistered)
		}
		want(t, discover(provider), kubepeers.ErrNotSynced)
	}
}

// The call that Deregister has ended may not have returned yet.
func TestRegisterAfterTheEndOfARegistration(t *testing.T) {
	provider := patient(t)
	for range 300 {
		ended := make(chan error)
		go func() { ended <- provider.Register() }()
		for provider.Deregister() != nil { // until it has begun
			runtime.Gosched()
		}
		cancel, again := registering(t, provider)
		eventually(t, "it waits, or has failed", func() bool { return len(again) > 0 || errors.Is(discover(provider), kubepeers.ErrNotSynced) })
		want(t, <-ended, kubepeers.ErrNotRegistered)
		cancel()
		want(t, <-again, kubepeers.ErrNotSynced)
	}
}

func TestRegisterContextThatEndsLater(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := c.register("self")
	succeed(t, provider.Deregister())
	ctx, cancel := context.WithCancel(t.Context())
	succeed(t, provider.RegisterContext(ctx))
	cancel()
	time.Sleep(20 * time.Millisecond) // By now whatever the end does is done.
	succeed(t, discover(provider))
}
