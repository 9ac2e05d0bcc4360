package kubepeers

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
	"github.com/kubepeers/kubepeers/bindings/go/internal/settings"
)

// session is what there is between Initialize and Close. Goroutines hold it,
// not the Provider: one that was forgotten can be closed while they run.
type session struct {
	handle  capi.Provider // the library sees to it that any number of goroutines may use it
	last    atomic.Pointer[addresses]
	changes changes

	registerTimeout time.Duration
	discoverTimeout time.Duration
	registering     chan struct{}   // holds a token while a call begins, checks or undoes a registration
	registrations   uint64          // how many there have been; needs the token
	forgotten       runtime.Cleanup // closes it when nobody has done so
	log             *logging        // nil without one
}

// newSession makes one, unless the handle is that of a live one.
func newSession(handle capi.Provider, settings *settings.Settings) (*session, *capi.Failure) {
	if failure := capi.Init(settings.Pairs, &handle); failure != nil {
		return nil, failure
	}
	s := &session{
		handle:          handle,
		registering:     make(chan struct{}, 1),
		registerTimeout: settings.Duration("register_timeout_ms", 5*time.Second),
		discoverTimeout: settings.Duration("discover_timeout_ms", 3*time.Second),
	}
	if settings.Logger != nil {
		logger := settings.Logger.With("namespace", settings.Value("namespace"), "selector", settings.Value("pod_labels"))
		if failure := s.startLog(logger); failure != nil {
			handle.Close()
			return nil, failure
		}
	}
	if settings.Initialized != nil {
		settings.Initialized(handle)
	}
	return s, nil
}

// close waits for the logger last: whatever that does, everything else has ended.
func (s *session) close() *capi.Failure {
	s.forgotten.Stop()
	if s.log == nil {
		return s.handle.Close()
	}
	s.log.end()
	failure := s.handle.Close()
	<-s.log.done
	return failure
}

// ask is for calls that do not wait. The result is zero after a failure.
func ask[T any](p *Provider, body func(capi.Provider) (T, *capi.Failure)) (T, error) {
	defer runtime.KeepAlive(p)
	return answer(body(p.current().handle))
}

func answer[T any](result T, failure *capi.Failure) (T, error) {
	if failure != nil {
		var none T
		return none, errorFrom(failure)
	}
	return result, nil
}
