package kubepeers_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// shows receives until there is an update that it is to be, and gives how many came.
func shows(t *testing.T, updates <-chan kubepeers.Update, what string, isIt func(kubepeers.Update) bool) (received int) {
	t.Helper()
	for {
		select {
		case update, open := <-updates:
			if !open {
				t.Fatalf("closed before %s", what)
			}
			received++
			t.Logf("%+v", update)
			if isIt(update) {
				return received
			}
		case <-time.After(patience):
			t.Fatalf("never %s", what)
		}
	}
}

func peers(addresses ...string) func(kubepeers.Update) bool {
	return func(update kubepeers.Update) bool {
		return update.Err == nil && slices.Equal(update.Addresses(), addresses)
	}
}

func isClosed(t *testing.T, updates <-chan kubepeers.Update) {
	t.Helper()
	if update, open := <-updates; open {
		t.Errorf("%+v and not the end", update)
	}
}

func TestWatch(t *testing.T) {
	c := newCluster(t)
	c.run("pod", "--namespace", c.namespace, "--service-account", "demo", "--label", "app=demo",
		"--port", "gossip=3322", "--port", "remoting=3323", "self")
	provider := c.register("self")
	updates := provider.Watch(t.Context())
	want(t, (<-updates).Err, kubepeers.ErrSelfNotVisible)
	c.pod("self", "10.1.0.1")
	shows(t, updates, "alone", peers())
	c.pod("a", "10.1.0.2")
	shows(t, updates, "a", peers("10.1.0.2:3322"))
	c.run("pod", "--namespace", c.namespace, "--ready=false", "a")
	shows(t, updates, "a is not ready", func(u kubepeers.Update) bool { return len(u.Nodes) == 1 && !u.Nodes[0].Ready })
	shows(t, provider.Watch(t.Context()), "a, to a second one", peers("10.1.0.2:3322"))

	c.run("pod", "--namespace", c.namespace, "--phase", "Failed", "self")
	shows(t, updates, "excluded", func(u kubepeers.Update) bool { return u.Err != nil })
	c.run("pod", "--namespace", c.namespace, "--phase", "Running", "self")
	shows(t, updates, "a again", peers("10.1.0.2:3322"))

	succeed(t, provider.Deregister())
	want(t, (<-updates).Err, kubepeers.ErrNotRegistered)
	isClosed(t, updates)
}

func TestWatchTellsTheNewestOnly(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := c.register("self")
	updates, others := provider.Watch(t.Context()), provider.Watch(t.Context())
	for _, name := range []string{"a", "b", "c", "d"} {
		c.pod(name, "10.1.0.1"+string('0'+name[0]-'a'))
	}
	all := peers("10.1.0.10:3322", "10.1.0.11:3322", "10.1.0.12:3322", "10.1.0.13:3322")
	shows(t, others, "all", all) // The first one may be about to replace what was not received.
	if received := shows(t, updates, "all", all); received > 3 {
		t.Errorf("%d updates", received)
	}
}

func TestWatchWithoutAnAnswer(t *testing.T) {
	provider := waiting(t, 0)
	updates := provider.Watch(t.Context())
	want(t, (<-updates).Err, kubepeers.ErrNotSynced)
	succeed(t, provider.Close())
	want(t, (<-updates).Err, kubepeers.ErrClosed)
	isClosed(t, updates)
}

// The goroutine of a Watch may begin when its provider was closed and initialized again.
func TestWatchIsOfTheSessionOfItsCall(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // So that it does.
	provider := waiting(t, 0)
	updates := provider.Watch(t.Context())
	succeed(t, provider.Close())
	succeed(t, provider.Initialize())
	succeed(t, provider.Register())
	shows(t, updates, "closed", func(u kubepeers.Update) bool { return errors.Is(u.Err, kubepeers.ErrClosed) })
	isClosed(t, updates)
}

// gate stands before the API server: whoever connects is kept waiting until it is opened.
func gate(t *testing.T) (open func()) {
	t.Helper()
	host := os.Getenv("KUBERNETES_SERVICE_HOST")
	server := net.JoinHostPort(host, os.Getenv("KUBERNETES_SERVICE_PORT"))
	listener := must[net.Listener](t)(net.Listen("tcp", net.JoinHostPort(host, "0")))
	t.Cleanup(func() { listener.Close() })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	succeed(t, err)
	t.Setenv("KUBERNETES_SERVICE_PORT", port)
	return func() { go letThrough(listener, server) }
}

// letThrough connects whoever comes with the server.
func letThrough(listener net.Listener, server string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer client.Close()
			if behind, err := net.Dial("tcp", server); err == nil {
				defer behind.Close()
				go func() { io.Copy(behind, client); behind.Close() }()
				io.Copy(client, behind)
			}
		}()
	}
}

func TestWatchTellsThatWaitingDoesNotHelp(t *testing.T) {
	c := newCluster(t)
	c.run("account", "--namespace", c.namespace, "--verbs", "", "weak")
	dir := t.TempDir()
	c.run("mount", "--namespace", c.namespace, "--service-account", "weak", dir)
	open := gate(t) // Or the API server might refuse before it is watched.
	config := validConfig()
	config.Namespace = c.namespace
	provider := initialized(t, config, kubepeers.WithoutSelf(), kubepeers.WithServiceAccountDir(dir), kubepeers.WithRegisterTimeout(0))
	succeed(t, provider.Register())
	updates := provider.Watch(t.Context())
	if first := <-updates; !kubepeers.IsRetryable(want(t, first.Err, kubepeers.ErrNotSynced)) {
		t.Errorf("%+v", first)
	}
	open()
	shows(t, updates, "not retryable", func(u kubepeers.Update) bool { return !kubepeers.IsRetryable(want(t, u.Err, kubepeers.ErrNotSynced)) })
	c.run("account", "--namespace", c.namespace, "weak")
	shows(t, updates, "alone", peers())
}

func TestWatchEndsWithItsContext(t *testing.T) {
	provider := waiting(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	updates := provider.Watch(ctx)
	want(t, (<-updates).Err, kubepeers.ErrNotSynced)
	cancel()
	isClosed(t, updates)
	want(t, discover(provider), kubepeers.ErrNotSynced)
}

func TestWatchTellsThatAnAnswerIsTooOld(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := c.register("self", kubepeers.WithMaxStale(time.Second), kubepeers.WithPolling(), kubepeers.WithPollInterval(time.Second))
	updates := provider.Watch(t.Context())
	shows(t, updates, "alone", peers())
	c.run("account", "--namespace", c.namespace, "--verbs", "", "demo")
	shows(t, updates, "too old", func(u kubepeers.Update) bool { return u.Err != nil && want(t, u.Err, kubepeers.ErrStale) != nil })
	c.run("account", "--namespace", c.namespace, "demo")
	shows(t, updates, "alone again", peers()) // of the same generation
}
