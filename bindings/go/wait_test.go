package kubepeers_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// Those that wait until their context ends.
var waits = []string{"DiscoverPeersContext", "Wait", "WaitForPeers", "Refresh"}

// untilDeadline calls with a deadline that is soon over. On a busy machine that may be before anything was asked, of which
// the error then does not tell: it is called again, with a later one.
func untilDeadline(t *testing.T, call func(context.Context) error) error {
	t.Helper()
	for timeout := 20 * time.Millisecond; ; timeout *= 2 {
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		err := call(ctx)
		cancel()
		if err != context.DeadlineExceeded || timeout > patience {
			return err
		}
	}
}

func TestDeadline(t *testing.T) {
	provider := waiting(t, 0)
	for _, name := range waits {
		t.Run(name, func(t *testing.T) {
			err := untilDeadline(t, func(ctx context.Context) error { return calls[name](ctx, provider) })
			failure := want(t, err, kubepeers.ErrNotSynced)
			if !errors.Is(err, context.DeadlineExceeded) || !kubepeers.IsRetryable(err) || failure.Message == "" {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	provider := waiting(t, 0)
	for _, name := range append(waits, "Watch") {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			ended := make(chan error)
			go func() { ended <- calls[name](ctx, provider) }()
			select {
			case err := <-ended:
				t.Fatalf("did not wait: %v", err)
			case <-time.After(50 * time.Millisecond): // It might be too early to have waited; then nothing is lost.
			}
			cancel()
			if err := <-ended; name != "Watch" && !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestContextThatHasEnded(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := c.register("self")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, name := range append(waits, "RegisterContext") {
		if err := calls[name](ctx, provider); err != context.Canceled {
			t.Errorf("%s: %v", name, err)
		}
	}
	if update, open := <-provider.Watch(ctx); open {
		t.Errorf("%+v", update)
	}
}

func TestWaitingParksNoThread(t *testing.T) {
	const callers = 50
	provider := waiting(t, time.Hour)
	// By then the library has opened what it keeps.
	eventually(t, "it has tried to connect", func() bool { return must[kubepeers.Health](t)(provider.Health()).Err != nil })
	files := descriptors(t)
	waits := []string{"DiscoverPeers", "DiscoverPeersContext", "Nodes", "Refresh", "Self", "Wait", "WaitForPeers", "Watch"}
	ended := make(chan error)
	for range callers {
		for _, name := range waits {
			go func() { ended <- calls[name](t.Context(), provider) }()
		}
	}
	eventually(t, "all wait", func() bool { return provider.Waiters() == callers*len(waits) })
	// While it tries to connect there is a socket, too.
	eventually(t, "there are two more descriptors at most", func() bool { return descriptors(t) <= files+2 })
	eventually(t, "nobody is in the library", func() bool { return !strings.Contains(goroutines(t), "runtime.cgocall") })
	succeed(t, provider.Close())
	for range callers * len(waits) {
		want(t, <-ended, kubepeers.ErrClosed)
	}
	eventually(t, "no descriptor is left", func() bool { return descriptors(t) <= files })
}

func TestManyWaitersCostNoThreads(t *testing.T) {
	const callers = 5000
	// As on a large machine: on a small one so many could not ask at once.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(64))
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := c.register("self")
	files := descriptors(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	for range callers {
		go func() { ended <- follow(ctx, provider) }()
	}
	updates := provider.Watch(ctx)
	eventually(t, "all wait", func() bool { return provider.Waiters() == callers+1 })
	most := 0
	for i := range 40 {
		address := fmt.Sprint("10.1.1.", i)
		c.pod(fmt.Sprint("p", i), address)
		shows(t, updates, "the next one", func(u kubepeers.Update) bool {
			most = max(most, len(must[[]os.DirEntry](t)(os.ReadDir("/proc/self/task"))))
			return len(u.Nodes) == i+1
		})
	}
	if now := descriptors(t); most > 100 || now > files+10 {
		t.Errorf("%d threads; %d descriptors, %d before", most, now, files)
	}
	cancel()
	for range callers {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}

// follow takes one state after the other until the context ends.
func follow(ctx context.Context, provider *kubepeers.Provider) error {
	after := uint64(0)
	for {
		snapshot, err := provider.Wait(ctx, after)
		if err != nil {
			return err
		}
		after = snapshot.Generation
	}
}

func TestWaitsEndWithAnAnswer(t *testing.T) {
	c := newCluster(t)
	c.run("pod", "--namespace", c.namespace, "--service-account", "demo", "--label", "app=demo",
		"--port", "gossip=3322", "--port", "remoting=3323", "self")
	provider := c.register("self") // Its pod is Pending.
	names := append(waits, "DiscoverPeers", "Nodes")
	ended := make(chan error)
	for _, name := range names {
		if name == "WaitForPeers" || name == "Refresh" {
			continue
		}
		go func() { ended <- calls[name](t.Context(), provider) }()
	}
	select {
	case err := <-ended:
		t.Fatalf("did not wait: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	c.pod("self", "10.1.0.1")
	for range len(names) - 2 {
		succeed(t, <-ended)
	}
}

func TestWaitForSomethingNewer(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := c.register("self")
	first := must[kubepeers.Snapshot](t)(provider.Wait(t.Context(), 0))
	if first.Generation == 0 || first.Nodes == nil || len(first.Nodes) != 0 {
		t.Errorf("%#v", first)
	}
	err := untilDeadline(t, func(ctx context.Context) error { return failureOf(provider.Wait(ctx, first.Generation)) })
	failure := want(t, err, kubepeers.ErrTimeout)
	if !errors.Is(err, context.DeadlineExceeded) || failure.Message != "there is nothing newer than generation 1" {
		t.Errorf("%v", err)
	}

	waited := make(chan kubepeers.Snapshot)
	go func() {
		snapshot, _ := provider.Wait(t.Context(), first.Generation)
		waited <- snapshot
	}()
	c.pod("a", "10.1.0.2")
	if second := <-waited; second.Generation <= first.Generation || len(second.Nodes) != 1 || second.Nodes[0].Name != "a" {
		t.Errorf("%+v", second)
	}
}

func TestWaitForPeers(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	c.pod("a", "10.1.0.2")
	provider := c.register("self")
	for stableFor, min := range map[time.Duration]int{0: 2, time.Hour: 1} {
		err := untilDeadline(t, func(ctx context.Context) error { return failureOf(provider.WaitForPeers(ctx, min, stableFor)) })
		failure := want(t, err, kubepeers.ErrTimeout)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(failure.Message, "found 1 peers") {
			t.Errorf("%+v", failure)
		}
	}

	waited := make(chan error)
	var found kubepeers.Snapshot
	go func() {
		var err error
		found, err = provider.WaitForPeers(t.Context(), 2, 200*time.Millisecond)
		waited <- err
	}()
	select {
	case err := <-waited:
		t.Fatalf("did not wait: %v", err)
	case <-time.After(100 * time.Millisecond): // It might be too early to have waited; then nothing is lost.
	}
	c.pod("b", "10.1.0.3")
	succeed(t, <-waited) // 200 ms later nothing changes.
	if got, want := found.Addresses(), []string{"10.1.0.2:3322", "10.1.0.3:3322"}; !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
}

func TestNobodyIsEnough(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	snapshot := must[kubepeers.Snapshot](t)(c.register("self").WaitForPeers(t.Context(), 0, 0))
	if addresses := snapshot.Addresses(); snapshot.Nodes == nil || addresses == nil || len(addresses) != 0 {
		t.Errorf("%#v", snapshot)
	}
}

func TestWaitForPeersRefusesNegativeNumbers(t *testing.T) {
	provider := initialized(t, validConfig())
	for key, wait := range map[string]func() (kubepeers.Snapshot, error){
		"min":           func() (kubepeers.Snapshot, error) { return provider.WaitForPeers(t.Context(), -1, 0) },
		"stable_for_ms": func() (kubepeers.Snapshot, error) { return provider.WaitForPeers(t.Context(), 0, -1) },
	} {
		failure := want(t, failureOf(wait()), kubepeers.ErrInvalidArgument)
		if !strings.Contains(failure.Message, "`"+key+"`") {
			t.Errorf("%q does not name %s", failure.Message, key)
		}
	}
}

// That what was too old is not so any more is no change of the peers.
func TestWhatIsTooOldIsReadAnew(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := c.register("self", kubepeers.WithMaxStale(time.Second), kubepeers.WithPolling(), kubepeers.WithPollInterval(time.Hour))
	for _, name := range []string{"DiscoverPeers", "Wait"} {
		eventually(t, "it is too old", func() bool { return must[kubepeers.Health](t)(provider.Health()).Stale })
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		succeed(t, calls[name](ctx, provider))
	}
}
