package kubepeers_test

import (
	"errors"
	"math"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

func TestHealthBeforeThePodsHaveBeenRead(t *testing.T) {
	provider := waiting(t, 0)
	var health kubepeers.Health
	eventually(t, "nobody is there", func() bool {
		health = must[kubepeers.Health](t)(provider.Health())
		return health.ErrClass == "unreachable" // On a busy machine the first try may be too slow: that is another class.
	})
	if failure := want(t, health.Err, kubepeers.ErrUnavailable); !failure.Retryable || failure.Message == "" {
		t.Errorf("%+v", failure)
	}
	health.Err = nil
	if want := (kubepeers.Health{Age: math.MaxInt64, Stale: true, ErrClass: "unreachable"}); health != want {
		t.Errorf("%+v, not %+v", health, want)
	}
}

func TestHealthWhenAllIsWell(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	watching := c.register("self")
	begun := time.Now()
	polling := c.register("self", kubepeers.WithPolling(), kubepeers.WithPollInterval(time.Hour))
	time.Sleep(20 * time.Millisecond)
	health := must[kubepeers.Health](t)(polling.Health())
	if passed := time.Since(begun); health.Age < 20*time.Millisecond || health.Age > passed {
		t.Errorf("after %v the age is %v", passed, health.Age)
	}
	health.Age = 0
	if want := (kubepeers.Health{Synced: true, Polling: true}); health != want {
		t.Errorf("%+v, not %+v", health, want)
	}
	eventually(t, "it watches", func() bool { return must[kubepeers.Health](t)(watching.Health()).Watching })
	health = must[kubepeers.Health](t)(watching.Health())
	health.Age = 0
	if want := (kubepeers.Health{Synced: true, Watching: true}); health != want {
		t.Errorf("%+v, not %+v", health, want)
	}
}

func TestWithoutWatchThePodsArePolled(t *testing.T) {
	c := newCluster(t)
	c.run("account", "--namespace", c.namespace, "--verbs", "list", "demo")
	c.pod("self", "10.1.0.1")
	provider := c.register("self")
	eventually(t, "the pods are polled", func() bool { return must[kubepeers.Health](t)(provider.Health()).Polling })
	health := must[kubepeers.Health](t)(provider.Health())
	if failure := want(t, health.Err, kubepeers.ErrForbidden); failure.HTTPStatus != 403 {
		t.Errorf("%+v", failure)
	}
	if !health.Synced || health.Stale || health.ErrClass != "forbidden" {
		t.Errorf("%+v", health)
	}
}

func TestRefreshSeesWhatIsNew(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	// Nothing but Refresh makes a second list.
	provider := c.register("self", kubepeers.WithPolling(), kubepeers.WithPollInterval(time.Hour))
	c.eventually(provider)
	c.pod("a", "10.1.0.2")
	succeed(t, provider.Refresh(t.Context()))
	if peers := must[[]string](t)(provider.DiscoverPeers()); len(peers) != 1 {
		t.Errorf("%q", peers)
	}
}

func TestWhatIsTooOldIsNotGivenOut(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := c.register("self", kubepeers.WithMaxStale(time.Second), kubepeers.WithDiscoverTimeout(0),
		kubepeers.WithPolling(), kubepeers.WithPollInterval(time.Second))
	// It may be too old before it is asked for the first time, or while the next list is on its way.
	eventually(t, "there is an answer", func() bool { return discover(provider) == nil })
	c.run("account", "--namespace", c.namespace, "--verbs", "", "demo")
	var failure *kubepeers.Error
	eventually(t, "there is no answer", func() bool {
		// At first it is only old; that the account may not list shows a moment later.
		err := discover(provider)
		return errors.Is(err, kubepeers.ErrStale) && errors.As(err, &failure) && failure.HTTPStatus != 0
	})
	if failure.HTTPStatus != 403 {
		t.Errorf("%+v", failure)
	}
	if health := must[kubepeers.Health](t)(provider.Health()); !health.Stale || health.Age < time.Second {
		t.Errorf("%+v", health)
	}
}
