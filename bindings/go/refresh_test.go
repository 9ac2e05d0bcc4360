package kubepeers_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

func TestCancelledRefreshesDoNotPileUp(t *testing.T) {
	provider := waiting(t, 0)
	for range 200 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		time.AfterFunc(time.Millisecond, cancel)
		if err := provider.Refresh(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	// Threads of earlier tests may still end; those that pile up would not.
	eventually(t, "there are 100 threads at most", func() bool { return len(must[[]os.DirEntry](t)(os.ReadDir("/proc/self/task"))) <= 100 })
	succeed(t, provider.Close())
}

// silent is a context that does not tell its deadline, as one that is merged of several.
type silent struct{ context.Context }

func (silent) Deadline() (time.Time, bool) { return time.Time{}, false }

// own is one that ends with an error of its own.
type own struct {
	context.Context
	err error
}

func (o own) Err() error {
	if o.Context.Err() == nil {
		return nil
	}
	return o.err
}

func TestRefreshEndsWithAnyContext(t *testing.T) {
	provider := waiting(t, 0)
	because := errors.New("for a reason of its own")
	for reason, of := range map[error]func(context.Context) context.Context{
		context.DeadlineExceeded: func(ctx context.Context) context.Context { return silent{ctx} },
		because:                  func(ctx context.Context) context.Context { return own{ctx, because} },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		ended := make(chan error)
		go func() { ended <- provider.Refresh(of(ctx)) }()
		select {
		case err := <-ended:
			if !errors.Is(err, reason) {
				t.Errorf("%v", err)
			}
		case <-time.After(patience):
			t.Fatal("still waits")
		}
	}
}

func TestRefreshEndsWithItsRegistration(t *testing.T) {
	provider := waiting(t, 0)
	ended := make(chan error, 1)
	go func() { ended <- provider.Refresh(t.Context()) }()
	eventually(t, "the refresh has ended", func() bool {
		succeed(t, provider.Deregister())
		succeed(t, provider.Register())
		return len(ended) > 0
	})
	if err := <-ended; !errors.Is(err, kubepeers.ErrNotRegistered) {
		t.Errorf("%v", err)
	}
}

// Each is answered by a list that was asked for after it.
func TestRefreshesAtOnce(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := c.register("self", kubepeers.WithPolling(), kubepeers.WithPollInterval(time.Hour))
	go provider.Refresh(t.Context())
	ended := make(chan error)
	for i := range 3 {
		c.pod(string(rune('a'+i)), "10.1.0.1"+string(rune('0'+i)))
		go func() {
			err := provider.Refresh(t.Context())
			if nodes, _ := provider.Nodes(); err == nil && len(nodes) < i+1 {
				err = errors.New("an older list")
			}
			ended <- err
		}()
	}
	for range 3 {
		succeed(t, <-ended)
	}
}
