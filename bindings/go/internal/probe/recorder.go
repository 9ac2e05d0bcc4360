package main

import (
	"context"
	"log/slog"
	"strings"
	"time"
)

// recorder is a slog.Handler that keeps its records in the form "LEVEL MESSAGE".
type recorder struct {
	level   *slog.LevelVar
	records chan string
}

func newRecorder() recorder {
	// The library keeps fewer records.
	return recorder{new(slog.LevelVar), make(chan string, 1024)}
}

// logger returns a logger for a value of the key log. If the value is not a level, it
// returns nil, because the library will reject the value.
func (r recorder) logger(value string) *slog.Logger {
	var level slog.Level
	if level.UnmarshalText([]byte(value)) != nil {
		return nil
	}
	r.level.Set(level)
	return slog.New(r)
}

func (r recorder) Enabled(_ context.Context, level slog.Level) bool {
	return level >= r.level.Level()
}

func (r recorder) Handle(_ context.Context, record slog.Record) error {
	r.records <- strings.ToLower(record.Level.String()) + " " + record.Message
	return nil
}

// WithAttrs drops the attributes, because a probe has only one provider.
func (r recorder) WithAttrs([]slog.Attr) slog.Handler { return r }

func (r recorder) WithGroup(string) slog.Handler { return r }

// log returns the oldest record and removes it.
func (p *probe) log(timeout time.Duration) string {
	select {
	case record := <-p.records.records:
		return line("log", record, nil)
	case <-time.After(timeout):
		return line("log", "", errTimeout)
	}
}
