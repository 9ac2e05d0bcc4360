package kubepeers

import (
	"math"
	"runtime"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// Health says how reliable the results of a provider are at one moment.
type Health struct {
	// Synced reports whether the pods have been listed since Register.
	Synced bool
	// Age is the time since the result was last confirmed by a list, an event, a
	// bookmark or a new watch. Bookmarks come about once a minute, and a watch that is
	// silent for 90 s is opened again, so a quiet cluster does not look old. Before
	// the first sync it is math.MaxInt64, so that any limit compares as exceeded.
	Age time.Duration
	// Stale reports whether Age exceeds Config.MaxStale, or the pods have not been
	// listed yet. Without MaxStale the limit is 120 s, or the time of three polls if
	// that is longer.
	Stale bool
	// Watching reports whether a watch is open. It is false for a moment between two
	// watches.
	Watching bool
	// Polling reports whether the pods are polled. The reason is PollOnly, or that the
	// service account may not watch pods, which Err then reports.
	Polling bool
	// Err is the last error since the last confirmation, or the error because of
	// which the pods are polled. It is nil or an [*Error], whose Status is
	// ErrUnavailable or one that Register returns.
	Err error
	// ErrClass is the class of Err, or "" if Err is nil.
	ErrClass ErrorClass
}

// ErrorClass classifies Health.Err, for alerts and switches. The metrics use the
// same words. A newer library may return a class that is not listed here.
type ErrorClass string

const (
	ClassUnreachable  ErrorClass = "unreachable"   // no connection, or it broke
	ClassNoSuchHost   ErrorClass = "no-such-host"  // the server's name cannot be resolved
	ClassTimedOut     ErrorClass = "timed-out"     // no answer in time
	ClassTLS          ErrorClass = "tls"           // the certificate is not trusted, or TLS failed
	ClassUnauthorized ErrorClass = "unauthorized"  // 401
	ClassForbidden    ErrorClass = "forbidden"     // 403 from the API server itself
	ClassGone         ErrorClass = "gone"          // 410: the watch cannot resume
	ClassNotSupported ErrorClass = "not-supported" // 400, 406, 415 or 422
	ClassRefused      ErrorClass = "refused"       // any other status that is not a success
	ClassIncomplete   ErrorClass = "incomplete"    // a response that ended early
	ClassMalformed    ErrorClass = "malformed"     // a response that cannot be used
	ClassCredentials  ErrorClass = "credentials"   // the credentials cannot be used
	ClassResources    ErrorClass = "resources"     // no descriptors or threads
)

// Health returns how reliable the results are now. It does not wait.
func (p *Provider) Health() (Health, error) {
	defer runtime.KeepAlive(p)
	s := p.session()
	health, failure := call(s.handle.Health)
	if failure != nil {
		return Health{}, s.error(failure)
	}
	return Health{
		Synced:   health.AgeMS >= 0,
		Age:      age(health.AgeMS),
		Stale:    health.Stale,
		Watching: health.Watching,
		Polling:  health.Polling,
		Err:      s.error(health.Failure),
		ErrClass: ErrorClass(health.ErrorClass),
	}, nil
}

func age(milliseconds int64) time.Duration {
	if milliseconds < 0 {
		return math.MaxInt64
	}
	return time.Duration(milliseconds) * time.Millisecond
}

// Metrics returns the metrics of the provider in the text format of Prometheus,
// for example to append to the process's own metrics. It does not wait.
//
// The names begin with kubepeers_, and all metrics have the labels namespace and
// selector. Serve several providers under separate paths, because a metric name
// may occur only once in an exposition. kubepeers_metrics in kubepeers.h lists the
// metrics.
func (p *Provider) Metrics() (string, error) { return text(p, capi.Provider.Metrics) }

// text makes a library call that returns a text and does not wait.
func text(p *Provider, f func(capi.Provider) (string, *capi.Failure)) (string, error) {
	defer runtime.KeepAlive(p)
	s := p.session()
	result, failure := call(func() (string, *capi.Failure) { return f(s.handle) })
	if failure != nil {
		return "", s.error(failure)
	}
	return result, nil
}
