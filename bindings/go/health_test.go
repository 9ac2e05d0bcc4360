package kubepeers_test

import (
	"math"
	"strings"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// requireHealth compares two healths without their Age.
func requireHealth(t *testing.T, got, want kubepeers.Health) {
	t.Helper()
	got.Age, want.Age = 0, 0
	if got != want {
		t.Errorf("got %+v; want %+v", got, want)
	}
}

func TestHealthWithUnreachableServer(t *testing.T) {
	provider := unsyncedProvider(t)
	var health kubepeers.Health
	eventually(t, "the API server is unreachable", func() bool {
		health = must[kubepeers.Health](t)(provider.Health())
		// On a busy machine the first request may time out, which is another class.
		return health.ErrClass == kubepeers.ClassUnreachable
	})
	failure := requireStatus(t, health.Err, kubepeers.ErrUnavailable)
	if !failure.Retryable || failure.Message == "" {
		t.Errorf("got %+v; want a retryable error with a message", failure)
	}
	if health.Age != math.MaxInt64 {
		t.Errorf("got age %v; want %v", health.Age, time.Duration(math.MaxInt64))
	}
	requireHealth(t, health, kubepeers.Health{
		Stale: true, Err: health.Err, ErrClass: kubepeers.ClassUnreachable,
	})
}

func TestHealthWithoutErrors(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	watching := c.register("self")
	started := time.Now()
	polling := c.register("self", withoutPolls)
	const pause = 20 * time.Millisecond
	time.Sleep(pause)
	health := c.health(polling)
	if elapsed := time.Since(started); health.Age < pause || health.Age > elapsed {
		t.Errorf("got age %v; want %v to %v", health.Age, pause, elapsed)
	}
	requireHealth(t, health, kubepeers.Health{Synced: true, Polling: true})
	eventually(t, "the watch is open", func() bool { return c.health(watching).Watching })
	requireHealth(t, c.health(watching), kubepeers.Health{Synced: true, Watching: true})
}

func TestHealthWithoutPermissionToWatch(t *testing.T) {
	c := newCluster(t)
	c.setVerbs("list")
	c.runningPod("self", "10.1.0.1")
	provider := c.register("self")
	eventually(t, "the pods are polled", func() bool { return c.health(provider).Polling })
	health := c.health(provider)
	failure := requireStatus(t, health.Err, kubepeers.ErrForbidden)
	if failure.HTTPStatus != 403 {
		t.Errorf("got %+v; want HTTP status 403", failure)
	}
	requireHealth(t, health, kubepeers.Health{
		Synced: true, Polling: true, Err: health.Err, ErrClass: kubepeers.ClassForbidden,
	})
}

func TestMetricsOfProvider(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	c.runningPod("a", "10.1.0.2")
	c.runningPod("b", "10.1.0.3")
	got := must[string](t)(c.register("self").Metrics())
	sample := `kubepeers_peers{namespace="` + c.namespace + `",selector="app=demo"} 2`
	if !strings.Contains(got, "\n"+sample+"\n") {
		t.Errorf("got metrics without %q:\n%s", sample, got)
	}
	if !strings.HasPrefix(got, "# HELP ") || !strings.HasSuffix(got, "\n") {
		t.Errorf("got %q; want it to begin with # HELP and to end with a newline", got)
	}
}
