package kubepeers

import (
	"context"
	"log/slog"

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

// startLog has a goroutine give records to the logger until endLog is called,
// those before it included.
func (s *session) startLog(logger *slog.Logger) *capi.Failure {
	ctx, cancel := context.WithCancel(context.Background())
	if failure := s.changes.join(s.handle); failure != nil {
		cancel()
		return failure
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer s.changes.leave()
		for over := false; !over; {
			told := s.changes.next()
			over = ctx.Err() != nil
			logRecords(s.handle, logger)
			if !over {
				wait(ctx, told, 0)
			}
		}
	}()
	s.endLog = func() { cancel(); <-done }
	return nil
}

func logRecords(handle capi.Provider, logger *slog.Logger) {
	for {
		record, ok := handle.NextRecord()
		if !ok {
			return
		}
		for _, l := range levels {
			if l.number == record.Level && logger.Enabled(context.Background(), l.level) {
				// As it comes from no line of a Go program, it has none.
				logger.Handler().Handle(context.Background(), slog.NewRecord(record.At, l.level, record.Message, 0))
			}
		}
	}
}
