package kubepeers

import (
	"math"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// Health is how sure the answers of a provider were at one moment. Answers are
// given from memory, through any outage of the API server; this says how old
// they are.
type Health struct {
	// Synced: the pods have been read at least once since Register.
	Synced bool
	// Age is the time since the last confirmation: a list, an event, a bookmark,
	// or a new watch. Bookmarks come about once a minute, and a watch that is silent
	// for 90 s is opened again, so a quiet cluster is not old. Before the first sync
	// it is math.MaxInt64, so that any limit compares as exceeded.
	Age time.Duration
	// Stale reports whether Age exceeds the limit, or nothing was synced yet. The
	// limit is that of WithMaxStale. By default it is 120 s, or three polls if
	// that is longer.
	Stale bool
	// Watching reports whether a watch is open. Between two watches it is false for
	// a moment.
	Watching bool
	// Polling: the pods are listed again and again, not watched, as WithPolling
	// asks for or, as Err then says, since the service account may not watch them.
	Polling bool
	// Err is what has gone wrong since the API server was last heard, or why the
	// pods are polled: an *Error, or nil if nothing. Its Status is ErrUnavailable,
	// or one that Register has too.
	Err error
	// ErrClass is what kind of failure Err is, for programs, in the word that the
	// metrics have too, such as "unreachable" or "forbidden": see
	// kubepeers_health_error_class in kubepeers.h. "" if Err is nil.
	ErrClass string
}

// Health says how sure the answers are. It does not wait.
func (p *Provider) Health() (Health, error) {
	health, err := ask(p, capi.Provider.Health)
	if err != nil {
		return Health{}, err
	}
	return Health{
		Synced:   health.AgeMS >= 0,
		Age:      age(health.AgeMS),
		Stale:    health.Stale,
		Watching: health.Watching,
		Polling:  health.Polling,
		Err:      errorFrom(health.Failure),
		ErrClass: health.ErrorClass,
	}, nil
}

func age(milliseconds int64) time.Duration {
	if milliseconds < 0 {
		return math.MaxInt64
	}
	return time.Duration(milliseconds) * time.Millisecond
}
