package goakt_test

import (
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

func TestConcurrentStartsFormOneCluster(t *testing.T) {
	c := newCluster(t)
	nodes := []*node{
		c.node("a", "127.0.0.2", "Running"),
		c.node("b", "127.0.0.3", "Running"),
		c.node("c", "127.0.0.4", "Running"),
	}
	startAll(t, nodes...)
	waitForCluster(t, nodes...)
}

func TestNodeRejoinsWithSameProvider(t *testing.T) {
	c := newCluster(t)
	a, b := c.node("a", "127.0.0.2", "Running"), c.node("b", "127.0.0.3", "Running")
	startAll(t, a, b)
	waitForCluster(t, a, b)
	for range 2 {
		b.stop()
		waitForCluster(t, a)
		startAll(t, b)
		waitForCluster(t, a, b)
	}
}

// Start calls Initialize once in GoAkt 4.1.0 and three times since 4.4.0.
func TestNodeThatIsNotRunningFoundsNoCluster(t *testing.T) {
	runInSubprocess(t, func() {
		c := newCluster(t)
		a, b := c.node("a", "127.0.0.2", "Running"), c.node("b", "127.0.0.3", "Pending")
		startAll(t, a)
		b.provider.WithRegisterTimeout(2 * time.Second)
		requireErrors(t, b.start(), kubepeers.ErrSelfNotVisible)
		waitForCluster(t, a)
	})
}

func TestStartWaitsUntilNodeIsRunning(t *testing.T) {
	c := newCluster(t)
	a, b := c.node("a", "127.0.0.2", "Running"), c.node("b", "127.0.0.3", "Pending")
	startAll(t, a)
	started := make(chan error, 1)
	b.provider.WithRegisterTimeout(time.Hour)
	go func() { started <- b.start() }()
	b.requireWaiting(started)
	c.run("pod", "--namespace", c.namespace, "--phase", "Running", "--ip", b.host, "b")
	requireNoError(t, <-started)
	t.Cleanup(b.stop)
	waitForCluster(t, a, b)
}
