package kubepeers_test

import (
	"math"
	"strings"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

func TestHealthBeforeTheFirstList(t *testing.T) {
	provider := waiting(t)
	var health kubepeers.Health
	eventually(t, "the API server is unreachable", func() bool {
		health = must[kubepeers.Health](t)(provider.Health())
		return health.ErrClass == kubepeers.ClassUnreachable // On a busy machine the first attempt may be too slow, which is another class.
	})
	if failure := want(t, health.Err, kubepeers.ErrUnavailable); !failure.Retryable || failure.Message == "" {
		t.Errorf("%+v", failure)
	}
	health.Err = nil
	if want := (kubepeers.Health{Age: math.MaxInt64, Stale: true, ErrClass: kubepeers.ClassUnreachable}); health != want {
		t.Errorf("%+v, not %+v", health, want)
	}
}

func TestHealthWithoutErrors(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	watching := c.register("self")
	begun := time.Now()
	polling := c.register("self", pollingRarely)
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

func TestPodsThatMayNotBeWatchedArePolled(t *testing.T) {
	c := newCluster(t)
	c.allow("list")
	c.pod("self", "10.1.0.1")
	provider := c.register("self")
	eventually(t, "the pods are polled", func() bool { return must[kubepeers.Health](t)(provider.Health()).Polling })
	health := must[kubepeers.Health](t)(provider.Health())
	if failure := want(t, health.Err, kubepeers.ErrForbidden); failure.HTTPStatus != 403 {
		t.Errorf("%+v", failure)
	}
	if !health.Synced || health.Stale || health.ErrClass != kubepeers.ClassForbidden {
		t.Errorf("%+v", health)
	}
}

func TestMetricsAreOfThisProvider(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	c.pod("a", "10.1.0.2")
	c.pod("b", "10.1.0.3")
	metrics := must[string](t)(c.register("self").Metrics())
	sample := `kubepeers_peers{namespace="` + c.namespace + `",selector="app=demo"} 2`
	if !strings.Contains(metrics, "\n"+sample+"\n") || !strings.HasPrefix(metrics, "# HELP ") || !strings.HasSuffix(metrics, "\n") {
		t.Errorf("no %q in\n%s", sample, metrics)
	}
}
