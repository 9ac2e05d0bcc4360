package kubepeers_test

import (
	"errors"
	"slices"
	"testing"
	"time"
	"unsafe"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

func TestSliceIsTheCallersAndStringsAreShared(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	c.pod("a", "10.1.0.2")
	provider := c.register("self")
	c.eventually(provider, "10.1.0.2:3322")
	first, second := must[[]string](t)(provider.DiscoverPeers()), must[[]string](t)(provider.DiscoverPeers())
	if unsafe.StringData(first[0]) != unsafe.StringData(second[0]) {
		t.Error("the text was copied")
	}
	first[0] = "mine"
	_ = append(second[:0], "mine")
	c.eventually(provider, "10.1.0.2:3322")
}

func TestUnchangedListCostsOneCopy(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	for copies, provider := range map[float64]*kubepeers.Provider{0: c.register("self"), 1: c.register("self", kubepeers.WithoutSelf())} {
		discover := func() { must[[]string](t)(provider.DiscoverPeers()) }
		discover()
		if n := testing.AllocsPerRun(100, discover); n != copies {
			t.Errorf("%v allocations, not %v", n, copies)
		}
	}
}

// What the library would not answer any more is not answered from memory.
func TestNoListIsGivenOutAgainThatDoesNotHold(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	c.pod("a", "10.1.0.2")
	provider := c.register("self", kubepeers.WithDiscoverTimeout(0))
	c.eventually(provider, "10.1.0.2:3322")

	c.run("pod", "--namespace", c.namespace, "--phase", "Pending", "self")
	eventually(t, "the own pod is not visible", func() bool { return errors.Is(discover(provider), kubepeers.ErrSelfNotVisible) })
	c.run("pod", "--namespace", c.namespace, "--phase", "Running", "self")
	eventually(t, "it is", func() bool { return discover(provider) == nil })

	succeed(t, provider.Deregister())
	want(t, discover(provider), kubepeers.ErrNotRegistered)
	c.terminate("a")
	c.pod("b", "10.1.0.3")
	succeed(t, provider.Register())
	c.eventually(provider, "10.1.0.3:3322")
	succeed(t, provider.Close())
	want(t, discover(provider), kubepeers.ErrClosed)

	succeed(t, provider.Initialize()) // Generations begin anew.
	c.terminate("b")
	c.pod("c", "10.1.0.4")
	succeed(t, provider.Register())
	c.eventually(provider, "10.1.0.4:3322")
}

func TestListsOfAllSizes(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := c.register("self", kubepeers.WithMaxStale(time.Hour)) // It has no generation to compare.
	var all []string
	for _, name := range []string{"2", "3", "4", "5"} {
		c.eventually(provider, all...)
		c.pod("pod-"+name, "10.1.0."+name)
		all = append(all, "10.1.0."+name+":3322")
		c.eventually(provider, all...)
		if peers := must[[]string](t)(provider.DiscoverPeers()); !slices.Equal(peers, all) {
			t.Errorf("%q", peers)
		}
	}
}
