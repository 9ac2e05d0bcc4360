package main

import (
	"context"
	"log/slog"
	"strings"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
	"github.com/kubepeers/kubepeers/bindings/go/internal/settings"
)

// recorder is a slog.Handler that keeps what it is given, each as "LEVEL MESSAGE".
type recorder struct {
	level   *slog.LevelVar
	records chan string
}

func newRecorder() recorder {
	// The library itself keeps fewer.
	return recorder{new(slog.LevelVar), make(chan string, 1024)}
}

// option is for the value of the key `log`. What is no level is left to the library to refuse.
func (r recorder) option(value string) kubepeers.Option {
	var level slog.Level
	if level.UnmarshalText([]byte(value)) != nil {
		return func(*settings.Settings) {}
	}
	r.level.Set(level)
	return kubepeers.WithLogger(slog.New(r))
}

func (r recorder) Enabled(_ context.Context, level slog.Level) bool { return level >= r.level.Level() }

func (r recorder) Handle(_ context.Context, record slog.Record) error {
	r.records <- strings.ToLower(record.Level.String()) + " " + record.Message
	return nil
}

// WithAttrs leaves out whose records they are: a probe has one provider.
func (r recorder) WithAttrs([]slog.Attr) slog.Handler { return r }

func (r recorder) WithGroup(string) slog.Handler { return r }

// log tells the oldest record that waits.
func (p *probe) log(timeout time.Duration) string {
	select {
	case record := <-p.records.records:
		return line("log", record, nil)
	case <-time.After(timeout):
		return line("log", "", nothingCame)
	}
}
