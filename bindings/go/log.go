package kubepeers

import (
	"context"
	"log/slog"
	"sync"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// levels are those of the library by its names for them, the least important first.
var levels = []struct {
	name   string
	number int32
	level  slog.Level
}{
	{"debug", capi.LogDebug, slog.LevelDebug},
	{"info", capi.LogInfo, slog.LevelInfo},
	{"warn", capi.LogWarn, slog.LevelWarn},
	{"error", capi.LogError, slog.LevelError},
}

// logLevel is what the key `log` is to be: records that nobody wants are not made.
func logLevel(logger *slog.Logger) string {
	for _, l := range levels {
		if logger != nil && logger.Enabled(context.Background(), l.level) {
			return l.name
		}
	}
	return "off"
}

// logging is what a session tells a logger.
type logging struct {
	handle capi.Provider
	logger *slog.Logger
	ended  chan struct{} // closed by end
	done   chan struct{} // closed when nothing more is told

	mutex sync.Mutex
	rest  []capi.Record // what end has found
}

// startLog has a goroutine give records to the logger until the session is
// closed, those before it included.
func (s *session) startLog(logger *slog.Logger) *capi.Failure {
	if failure := s.changes.join(s.handle); failure != nil {
		return failure
	}
	s.log = &logging{handle: s.handle, logger: logger, ended: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(s.log.done)
		defer s.changes.leave()
		s.log.run(&s.changes)
	}()
	return nil
}

func (l *logging) run(changes *changes) {
	for {
		told := changes.next()
		for record, ok := l.next(); ok; record, ok = l.next() {
			l.tell(record)
		}
		select {
		case <-told:
		case <-l.ended:
			if len(l.rest) == 0 { // It may have ended since the last one.
				return
			}
		}
	}
}

// end keeps the records that the library has now, lest they end with its
// provider. They are as many as it keeps, however many are written meanwhile.
func (l *logging) end() {
	const kept = 256
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.isEnded() {
		return
	}
	for len(l.rest) < kept {
		record, ok := l.handle.NextRecord()
		if !ok {
			break
		}
		l.rest = append(l.rest, record)
	}
	close(l.ended)
}

func (l *logging) isEnded() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

func (l *logging) next() (record capi.Record, ok bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if !l.isEnded() {
		return l.handle.NextRecord()
	}
	if len(l.rest) > 0 {
		record, l.rest, ok = l.rest[0], l.rest[1:], true
	}
	return record, ok
}

func (l *logging) tell(record capi.Record) {
	for _, level := range levels {
		if level.number == record.Level && l.logger.Enabled(context.Background(), level.level) {
			// As it comes from no line of a Go program, it has none.
			l.logger.Handler().Handle(context.Background(), slog.NewRecord(record.At, level.level, record.Message, 0))
		}
	}
}
