package kubepeers

import (
	"math"
	"runtime"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// Health describes how reliable the results of a provider are at one moment.
type Health struct {
	// Synced reports whether the pods have been listed since Register.
	Synced bool
	// Age is the time since a list, an event, a bookmark or a new watch last confirmed
	// the result. A quiet cluster does not look old, because bookmarks arrive about once
	// a minute and the library reopens a watch that is silent for 90 s. Before the first
	// list Age is math.MaxInt64, so that any limit compares as exceeded.
	Age time.Duration
	// Stale reports whether Age exceeds Config.MaxStale or the pods have not been
	// listed yet. Without MaxStale the limit is 120 s. If the library polls, it is 120 s
	// or three times the poll interval, whichever is longer.
	Stale bool
	// Watching reports whether a watch is open. It is false for a moment between two
	// watches.
	Watching bool
	// Polling reports whether the library polls. It polls because of PollOnly, or because
	// the service account may not watch pods. In the latter case Err reports why.
	Polling bool
	// Err is the last error if it occurred after the last confirmation, or the error
	// that makes the library poll. It is nil or an [*Error] whose Status is ErrUnavailable
	// or one that Register returns.
	Err error
	// ErrClass is the class of Err, or "" if Err is nil.
	ErrClass ErrorClass
}

// ErrorClass classifies Health.Err, for alerts and switch statements. The metrics use
// the same words. A newer library may return a class that is not listed here.
type ErrorClass string

const (
	ClassUnreachable  ErrorClass = "unreachable"   // there is no connection, or it broke
	ClassNoSuchHost   ErrorClass = "no-such-host"  // the server's name cannot be resolved
	ClassTimedOut     ErrorClass = "timed-out"     // the server did not answer in time
	ClassTLS          ErrorClass = "tls"           // the certificate is not trusted, or TLS failed
	ClassUnauthorized ErrorClass = "unauthorized"  // 401
	ClassForbidden    ErrorClass = "forbidden"     // 403 from the API server itself
	ClassGone         ErrorClass = "gone"          // the watch cannot resume, usually 410
	ClassNotSupported ErrorClass = "not-supported" // 400, 406, 415 or 422
	ClassRefused      ErrorClass = "refused"       // any other HTTP status except success
	ClassIncomplete   ErrorClass = "incomplete"    // the response ended early
	ClassMalformed    ErrorClass = "malformed"     // the response cannot be used
	ClassCredentials  ErrorClass = "credentials"   // the credentials cannot be used
	ClassResources    ErrorClass = "resources"     // there are no descriptors or threads left
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

// Metrics returns the metrics of the provider in the Prometheus text format. A program
// may append them to its own metrics. Metrics does not wait.
//
// The names begin with kubepeers_. All metrics have the labels namespace and
// selector. Serve several providers under separate paths, because an exposition may
// describe each metric only once. The documentation of kubepeers_metrics in kubepeers.h
// lists the metrics.
func (p *Provider) Metrics() (string, error) { return text(p, capi.Provider.Metrics) }

// text makes a library call that returns text and does not wait.
func text(p *Provider, f func(capi.Provider) (string, *capi.Failure)) (string, error) {
	defer runtime.KeepAlive(p)
	s := p.session()
	result, failure := call(func() (string, *capi.Failure) { return f(s.handle) })
	if failure != nil {
		return "", s.error(failure)
	}
	return result, nil
}
