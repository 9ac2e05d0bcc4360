package kubepeers_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// journal keeps records that are important enough.
type journal struct {
	slog.Handler
	level slog.LevelVar
	held  chan struct{} // if there is one, each record waits for its end

	mutex   sync.Mutex
	records []slog.Record
	lines   strings.Builder
}

func newJournal(level slog.Level) *journal {
	j := new(journal)
	j.level.Set(level)
	j.Handler = slog.NewTextHandler(&j.lines, nil)
	return j
}

func (j *journal) Enabled(_ context.Context, level slog.Level) bool { return level >= j.level.Level() }

func (j *journal) Handle(_ context.Context, record slog.Record) error {
	if j.held != nil {
		<-j.held
	}
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.records = append(j.records, record)
	return nil
}

func (j *journal) WithAttrs(attributes []slog.Attr) slog.Handler {
	record := slog.NewRecord(time.Time{}, 0, "", 0)
	record.AddAttrs(attributes...)
	j.Handler.Handle(context.Background(), record)
	return j
}

func (j *journal) all() []slog.Record {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return slices.Clone(j.records)
}

// has says whether there is a record of this level whose message has this in it.
func (j *journal) has(level slog.Level, part string) bool {
	return slices.ContainsFunc(j.all(), func(r slog.Record) bool { return r.Level == level && strings.Contains(r.Message, part) })
}

func (j *journal) option() kubepeers.Option { return kubepeers.WithLogger(slog.New(j)) }

func TestLog(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	journal := newJournal(slog.LevelDebug)
	before := time.Now().Truncate(time.Millisecond)
	provider := c.register("self", journal.option())
	c.pod("a", "10.1.0.2")
	c.eventually(provider, "10.1.0.2:3322")
	eventually(t, "the log tells of it", func() bool { return journal.has(slog.LevelInfo, "generation 2: 1 peers") })
	eventually(t, "the log tells of the watch", func() bool { return journal.has(slog.LevelDebug, "the watch is open") })
	eventually(t, "the log tells of the start", func() bool { return journal.has(slog.LevelInfo, "looking for pods") })
	for _, record := range journal.all() {
		if record.Time.Before(before) || record.Time.After(time.Now()) || record.PC != 0 {
			t.Errorf("%+v", record)
		}
	}
	if line := journal.lines.String(); !strings.Contains(line, "namespace="+c.namespace+" selector=\"app=demo\"\n") {
		t.Errorf("%q", line)
	}
}

func TestLogHasTheLevelOfTheLogger(t *testing.T) {
	for name, level := range map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn} {
		t.Run(name, func(t *testing.T) {
			journal := newJournal(level)
			provider := initialized(t, validConfig(), append(unreachable(t, 0), journal.option())...)
			succeed(t, provider.Register())
			eventually(t, "there is a warning", func() bool { return journal.has(slog.LevelWarn, "connect") })
			succeed(t, provider.Close())
			if info := journal.has(slog.LevelInfo, "looking for pods"); info != (level <= slog.LevelInfo) {
				t.Errorf("%+v", journal.all())
			}
		})
	}
}

func TestLogHasTheLevelThatTheLoggerHasNow(t *testing.T) {
	journal := newJournal(slog.LevelInfo)
	provider := initialized(t, validConfig(), append(unreachable(t, 0), journal.option())...)
	journal.level.Set(slog.LevelError)
	succeed(t, provider.Register())
	succeed(t, provider.Close())
	if records := journal.all(); len(records) > 0 {
		t.Errorf("%+v", records)
	}
}

func TestLogThatNobodyWants(t *testing.T) {
	for _, logger := range []*slog.Logger{nil, slog.New(newJournal(slog.LevelError + 1))} {
		provider := initialized(t, validConfig(), append(unreachable(t, 0), kubepeers.WithLogger(logger))...)
		succeed(t, provider.Register())
		succeed(t, provider.Close())
	}
}

// A logger that does not keep up gets all the same what was recorded before Close, and nothing after it.
func TestLogIsCompleteWhenClosed(t *testing.T) {
	journal := newJournal(slog.LevelInfo)
	journal.held = make(chan struct{})
	provider := initialized(t, validConfig(), append(unreachable(t, 0), journal.option())...)
	for range 3 {
		succeed(t, provider.Register())
		succeed(t, provider.Deregister())
	}
	closed := make(chan error)
	go func() { closed <- provider.Close() }()
	select {
	case <-closed:
		t.Fatal("did not wait for the logger")
	case <-time.After(50 * time.Millisecond):
	}
	released := time.Now()
	close(journal.held)
	succeed(t, <-closed)
	records := journal.all()
	ends := 0
	for _, record := range records {
		if strings.Contains(record.Message, "deregister was called") {
			ends++
		}
		if record.Time.After(released) {
			t.Errorf("%+v has not the time at which it was made", record)
		}
	}
	if ends != 3 {
		t.Errorf("%+v", records)
	}
	succeed(t, provider.Close())
	time.Sleep(20 * time.Millisecond)
	if later := journal.all(); len(later) != len(records) {
		t.Errorf("%+v", later[len(records):])
	}
}

// A logger that blocks holds up Close, but nothing that Close is to end.
func TestCloseEndsCallsWhileTheLoggerBlocks(t *testing.T) {
	journal := newJournal(slog.LevelInfo)
	journal.held = make(chan struct{})
	provider := initialized(t, validConfig(), append(unreachable(t, time.Hour), journal.option())...)
	succeed(t, provider.Register())
	ended, closed := make(chan error), make(chan error)
	go func() { ended <- discover(provider) }()
	eventually(t, "it waits", func() bool { return provider.Waiters() == 2 })
	go func() { closed <- provider.Close() }()
	select {
	case err := <-ended:
		want(t, err, kubepeers.ErrClosed)
	case <-time.After(patience):
		t.Error("still waits")
	}
	eventually(t, "no thread is left", func() bool { return libraryThreads(t) == 0 })
	close(journal.held)
	succeed(t, <-closed)
}

// again is a logger that makes a record of each record.
type again struct {
	*journal
	provider *kubepeers.Provider
	enough   atomic.Bool
}

func (a *again) WithAttrs([]slog.Attr) slog.Handler { return a }

func (a *again) Handle(context.Context, slog.Record) error {
	if !a.enough.Load() {
		a.provider.Deregister()
		a.provider.Register()
	}
	return nil
}

func TestCloseEndsALoggerThatNeverCatchesUp(t *testing.T) {
	logger := &again{journal: newJournal(slog.LevelInfo)}
	logger.provider = kubepeers.New(validConfig(), append(unreachable(t, 0), kubepeers.WithLogger(slog.New(logger)))...)
	succeed(t, logger.provider.Initialize())
	succeed(t, logger.provider.Register())
	closed := make(chan error)
	go func() { closed <- logger.provider.Close() }()
	select {
	case err := <-closed:
		succeed(t, err)
	case <-time.After(patience):
		logger.enough.Store(true)
		t.Errorf("does not end: %v", <-closed)
	}
}

func TestLogOfTheNextOneAfterClose(t *testing.T) {
	journal := newJournal(slog.LevelInfo)
	provider := initialized(t, validConfig(), append(unreachable(t, 0), journal.option())...)
	succeed(t, provider.Close())
	succeed(t, provider.Initialize())
	succeed(t, provider.Register())
	eventually(t, "it is told", func() bool { return journal.has(slog.LevelInfo, "looking for pods") })
}

func TestNoDescriptorForTheLog(t *testing.T) {
	inAProcess(t, 0, func(t *testing.T) {
		var files []*os.File
		path := filepath.Join(t.TempDir(), "file")
		succeed(t, os.WriteFile(path, nil, 0o600))
		provider := kubepeers.New(validConfig(), newJournal(slog.LevelInfo).option())
		limit(t, 64)
		for {
			file, err := os.Open(path)
			if err != nil {
				break
			}
			files = append(files, file)
		}
		want(t, provider.Initialize(), kubepeers.ErrNoResources)
		for _, file := range files {
			file.Close()
		}
		succeed(t, provider.Initialize())
		succeed(t, provider.Close())
	})
}
