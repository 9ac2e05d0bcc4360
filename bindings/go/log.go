package kubepeers

import (
	"context"
	"log/slog"
	"sync"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// logLevels are the levels of the library, the most verbose first.
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

// logForwarder passes the log records of a session on to a logger, from the first
// Register until Close.
type logForwarder struct {
	session *session
	logger  *slog.Logger
	ended   chan struct{} // closed by end
	done    chan struct{} // closed when the logger gets nothing more

	mutex   sync.Mutex
	started bool
	rest    []capi.Record // what end has found
}

func newLogForwarder(s *session, logger *slog.Logger) *logForwarder {
	return &logForwarder{session: s, logger: logger, ended: make(chan struct{}), done: make(chan struct{})}
}

// start does nothing if the forwarder runs or has ended.
func (l *logForwarder) start() *capi.Failure {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.started || l.isEnded() {
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
		case <-l.ended:
			if len(l.rest) == 0 { // Otherwise it ended after the last call of next.
				return
			}
		}
	}
}

// end keeps the records that the library has, because closing the provider drops
// them. It takes no more than the library keeps, so that it ends even if the logger
// causes new records.
func (l *logForwarder) end() {
	const kept = 256
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.isEnded() {
		return
	}
	for len(l.rest) < kept {
		record, ok := l.session.handle.NextRecord()
		if !ok {
			break
		}
		l.rest = append(l.rest, record)
	}
	close(l.ended)
	if !l.started {
		close(l.done)
	}
}

func (l *logForwarder) isEnded() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

func (l *logForwarder) next() (record capi.Record, ok bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if !l.isEnded() {
		return l.session.handle.NextRecord()
	}
	if len(l.rest) > 0 {
		record, l.rest, ok = l.rest[0], l.rest[1:], true
	}
	return record, ok
}

func (l *logForwarder) handle(record capi.Record) {
	message := record.Message
	if !l.session.raw {
		message = goWords.Replace(message)
	}
	ctx := context.Background()
	for _, level := range logLevels {
		if level.number == record.Level && l.logger.Enabled(ctx, level.level) {
			// The record has no program counter, because it comes from no line of Go.
			l.logger.Handler().Handle(ctx, slog.NewRecord(record.At, level.level, message, 0))
		}
	}
}
