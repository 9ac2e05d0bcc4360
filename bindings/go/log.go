package kubepeers

import (
	"context"
	"log/slog"
	"sync"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// logLevels lists the levels of the library, the most verbose first.
var logLevels = []struct {
	name   string
	number int32
	level  slog.Level
}{
	{"debug", capi.LogDebug, slog.LevelDebug},
	{"info", capi.LogInfo, slog.LevelInfo},
	{"warn", capi.LogWarn, slog.LevelWarn},
	{"error", capi.LogError, slog.LevelError},
}

// logForwarder passes the log records of a session to a logger. It runs from the first
// Register until Close.
type logForwarder struct {
	session *session
	logger  *slog.Logger
	stopped chan struct{} // closed by stop
	done    chan struct{} // closed after the last call to the logger

	mutex   sync.Mutex
	started bool
	pending []capi.Record // taken from the library by stop
}

func newLogForwarder(s *session, logger *slog.Logger) *logForwarder {
	return &logForwarder{
		session: s,
		logger:  logger,
		stopped: make(chan struct{}),
		done:    make(chan struct{}),
	}
}

// start starts the goroutine unless it has been started or the forwarder is stopped.
func (l *logForwarder) start() *capi.Failure {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.started || l.isStopped() {
		return nil
	}
	if failure := l.session.changes.subscribe(l.session.handle); failure != nil {
		return failure
	}
	l.started = true
	go func() {
		defer close(l.done)
		defer l.session.changes.unsubscribe()
		l.forward()
	}()
	return nil
}

func (l *logForwarder) forward() {
	for {
		changed := l.session.changes.next()
		for record, ok := l.next(); ok; record, ok = l.next() {
			l.handle(record)
		}
		select {
		case <-changed:
		case <-l.stopped:
			// Records are pending if stop took them after the last call to next.
			if len(l.pending) == 0 {
				return
			}
		}
	}
}

// stop takes the pending records from the library, because closing the provider would
// drop them. It takes no more records than the library keeps. Otherwise it would never
// return while the logger causes new records.
func (l *logForwarder) stop() {
	const maxPending = 256
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.isStopped() {
		return
	}
	for len(l.pending) < maxPending {
		record, ok := l.session.handle.NextRecord()
		if !ok {
			break
		}
		l.pending = append(l.pending, record)
	}
	close(l.stopped)
	if !l.started {
		close(l.done)
	}
}

func (l *logForwarder) isStopped() bool {
	select {
	case <-l.stopped:
		return true
	default:
		return false
	}
}

func (l *logForwarder) next() (record capi.Record, ok bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if !l.isStopped() {
		return l.session.handle.NextRecord()
	}
	if len(l.pending) > 0 {
		record, l.pending, ok = l.pending[0], l.pending[1:], true
	}
	return record, ok
}

func (l *logForwarder) handle(record capi.Record) {
	message := record.Message
	if !l.session.raw {
		message = goNames.Replace(message)
	}
	ctx := context.Background()
	for _, level := range logLevels {
		if level.number == record.Level && l.logger.Enabled(ctx, level.level) {
			// The program counter is 0, because no line of Go created the record.
			l.logger.Handler().Handle(ctx, slog.NewRecord(record.At, level.level, message, 0))
		}
	}
}
