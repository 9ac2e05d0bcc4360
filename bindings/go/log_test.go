package kubepeers_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

func TestLogRecords(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	recorder := newLogRecorder(slog.LevelDebug)
	before := time.Now().Truncate(time.Millisecond)
	provider := c.register("self", func(c *kubepeers.Config) { c.Logger = slog.New(recorder) })
	c.runningPod("a", "10.1.0.2")
	c.waitForAddresses(provider, "10.1.0.2:3322")
	for text, level := range map[string]slog.Level{
		"discovering pods":      slog.LevelInfo,
		"the watch is open":     slog.LevelDebug,
		"generation 2: 1 peers": slog.LevelInfo,
	} {
		eventually(t, "a record contains "+text, func() bool { return recorder.has(level, text) })
	}
	for _, record := range recorder.all() {
		if record.Time.Before(before) || record.Time.After(time.Now()) || record.PC != 0 {
			t.Errorf("got %+v; want a time after %v, and no program counter", record, before)
		}
	}
	want := []string{"namespace=" + c.namespace, "selector=app=demo"}
	if got := recorder.attributes; !slices.Equal(got, want) {
		t.Errorf("got attributes %q; want %q", got, want)
	}
}

func TestLogHasLevelsOfLogger(t *testing.T) {
	for name, level := range map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn,
	} {
		t.Run(name, func(t *testing.T) {
			recorder := newLogRecorder(level)
			provider := newProvider(t, recorder.config(t))
			requireNoError(t, provider.Register(t.Context()))
			eventually(t, "there is a warning", func() bool {
				return recorder.has(slog.LevelWarn, "connect")
			})
			requireNoError(t, provider.Close())
			got, want := recorder.has(slog.LevelInfo, "discovering pods"), level <= slog.LevelInfo
			if got != want {
				t.Errorf("got a record of level info: %v; want %v: %+v", got, want, recorder.all())
			}
		})
	}
}

func TestLogRespectsLevelRaisedAfterNew(t *testing.T) {
	recorder := newLogRecorder(slog.LevelInfo)
	provider := newProvider(t, recorder.config(t))
	recorder.level.Set(slog.LevelError)
	requireNoError(t, provider.Register(t.Context()))
	requireNoError(t, provider.Close())
	if records := recorder.all(); len(records) > 0 {
		t.Errorf("got %+v; want no records", records)
	}
}

func TestLoggerMayDisableAllLevels(t *testing.T) {
	for _, logger := range []*slog.Logger{
		nil, slog.New(newLogRecorder(slog.LevelError + 1)), slog.New(slog.DiscardHandler),
	} {
		config := unreachableConfig(t)
		config.Logger = logger
		provider := newProvider(t, config)
		requireNoError(t, provider.Register(t.Context()))
		requireNoError(t, provider.Close())
	}
}

func TestCloseHandsPendingRecordsToSlowLogger(t *testing.T) {
	recorder := newLogRecorder(slog.LevelInfo)
	recorder.blocked = make(chan struct{})
	provider := newProvider(t, recorder.config(t))
	const registrations = 3
	for range registrations {
		requireNoError(t, provider.Register(t.Context()))
		requireNoError(t, provider.Deregister())
	}
	closed := make(chan error)
	go func() { closed <- provider.Close() }()
	select {
	case <-closed:
		t.Fatal("Close has returned; want it to wait for the logger")
	case <-time.After(50 * time.Millisecond):
	}
	released := time.Now()
	close(recorder.blocked)
	requireNoError(t, receive(t, closed))

	records := recorder.all()
	deregistrations := 0
	for _, record := range records {
		if strings.Contains(record.Message, "Deregister was called") {
			deregistrations++
		}
		if record.Time.After(released) {
			t.Errorf("got %+v; want the time at which it was made, before %v", record, released)
		}
	}
	if deregistrations != registrations {
		t.Errorf("got %d deregistrations; want %d: %+v", deregistrations, registrations, records)
	}
	requireNoError(t, provider.Close())
	time.Sleep(20 * time.Millisecond) // time for late records
	if late := recorder.all()[len(records):]; len(late) > 0 {
		t.Errorf("got %+v after Close; want no records", late)
	}
}

func TestBlockedLoggerDelaysOnlyReturnOfClose(t *testing.T) {
	recorder := newLogRecorder(slog.LevelInfo)
	recorder.blocked = make(chan struct{})
	provider := newProvider(t, recorder.config(t))
	requireNoError(t, provider.Register(t.Context()))
	returned, closed := make(chan error), make(chan error)
	go func() { returned <- calls["DiscoverPeers"](t.Context(), provider) }()
	eventually(t, "DiscoverPeers and the logger wait", func() bool {
		return provider.Waiters() == 2
	})
	go func() { closed <- provider.Close() }()
	requireStatus(t, receive(t, returned), kubepeers.ErrClosed)
	requireNoLibraryThread(t)
	close(recorder.blocked)
	requireNoError(t, receive(t, closed))
}

// registeringLogger is a logger that causes a new record with every record.
type registeringLogger struct {
	*logRecorder
	provider *kubepeers.Provider
	disabled atomic.Bool
}

func (l *registeringLogger) WithAttrs([]slog.Attr) slog.Handler { return l }

func (l *registeringLogger) Handle(context.Context, slog.Record) error {
	if !l.disabled.Load() {
		l.provider.Deregister()
		l.provider.Register(context.Background())
	}
	return nil
}

func TestCloseReturnsWhileLoggerCausesRecords(t *testing.T) {
	logger := &registeringLogger{logRecorder: newLogRecorder(slog.LevelInfo)}
	config := unreachableConfig(t)
	config.Logger = slog.New(logger)
	logger.provider = newProvider(t, config)
	requireNoError(t, logger.provider.Register(t.Context()))
	closed := make(chan error)
	go func() { closed <- logger.provider.Close() }()
	select {
	case err := <-closed:
		requireNoError(t, err)
	case <-time.After(testTimeout):
		logger.disabled.Store(true)
		t.Errorf("Close did not return within %v, and then returned %v", testTimeout, <-closed)
	}
}

func TestNewWithLoggerStartsNothing(t *testing.T) {
	before := descriptors(t)
	provider := newProvider(t, newLogRecorder(slog.LevelDebug).config(t))
	if stacks := goroutines(t); stacks != "" {
		t.Errorf("got goroutines; want none:\n%s", stacks)
	}
	if now := descriptors(t); now != before || provider.Waiters() != 0 {
		t.Errorf("got %d descriptors, %d waiters; want %d, 0", now, provider.Waiters(), before)
	}
	requireNoError(t, provider.Close())
}

func TestCloseDuringRegisterEndsLog(t *testing.T) {
	for range 100 {
		provider := newProvider(t, newLogRecorder(slog.LevelInfo).config(t))
		returned := make(chan error)
		go func() { returned <- provider.Register(t.Context()) }()
		requireNoError(t, provider.Close())
		receive(t, returned) // The result depends on which of the two calls came first.
		requireNoError(t, provider.Close())
	}
	requireNoGoroutine(t)
}

func TestRegisterWithoutDescriptorForLogFails(t *testing.T) {
	runInSubprocess(t, 0, func(t *testing.T) {
		config := newLogRecorder(slog.LevelInfo).config(t)
		provider := must[*kubepeers.Provider](t)(kubepeers.New(config))
		release := exhaustDescriptors(t)
		requireStatus(t, provider.Register(t.Context()), kubepeers.ErrNoResources)
		release()
		requireNoError(t, provider.Register(t.Context()))
		requireNoError(t, provider.Close())
	})
}
