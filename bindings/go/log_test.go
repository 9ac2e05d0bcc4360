package kubepeers_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// journal keeps the records of its level and above.
type journal struct {
	slog.Handler
	level slog.LevelVar
	held  chan struct{} // if it is not nil, each record waits until it is closed

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

// has reports whether there is a record of this level with this part in its message.
func (j *journal) has(level slog.Level, part string) bool {
	return slices.ContainsFunc(j.all(), func(r slog.Record) bool { return r.Level == level && strings.Contains(r.Message, part) })
}

// config returns the configuration of a provider whose API server is away.
func (j *journal) config(t *testing.T) kubepeers.Config {
	t.Helper()
	config := unreachable(t)
	config.Logger = slog.New(j)
	return config
}

func TestLog(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	journal := newJournal(slog.LevelDebug)
	before := time.Now().Truncate(time.Millisecond)
	provider := c.register("self", func(c *kubepeers.Config) { c.Logger = slog.New(journal) })
	c.pod("a", "10.1.0.2")
	c.eventually(provider, "10.1.0.2:3322")
	eventually(t, "the log reports it", func() bool { return journal.has(slog.LevelInfo, "generation 2: 1 peers") })
	eventually(t, "the log reports the watch", func() bool { return journal.has(slog.LevelDebug, "the watch is open") })
	eventually(t, "the log reports the start", func() bool { return journal.has(slog.LevelInfo, "looking for pods") })
	for _, record := range journal.all() {
		if record.Time.Before(before) || record.Time.After(time.Now()) || record.PC != 0 {
			t.Errorf("%+v", record)
		}
	}
	if line := journal.lines.String(); !strings.Contains(line, "namespace="+c.namespace+" selector=\"app=demo\"\n") {
		t.Errorf("%q", line)
	}
}

func TestLogHasTheLevelsOfTheLogger(t *testing.T) {
	for name, level := range map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn} {
		t.Run(name, func(t *testing.T) {
			journal := newJournal(level)
			provider := create(t, journal.config(t))
			succeed(t, provider.Register(t.Context()))
			eventually(t, "there is a warning", func() bool { return journal.has(slog.LevelWarn, "connect") })
			succeed(t, provider.Close())
			if info := journal.has(slog.LevelInfo, "looking for pods"); info != (level <= slog.LevelInfo) {
				t.Errorf("%+v", journal.all())
			}
		})
	}
}

func TestLogRespectsALevelThatIsRaisedLater(t *testing.T) {
	journal := newJournal(slog.LevelInfo)
	provider := create(t, journal.config(t))
	journal.level.Set(slog.LevelError)
	succeed(t, provider.Register(t.Context()))
	succeed(t, provider.Close())
	if records := journal.all(); len(records) > 0 {
		t.Errorf("%+v", records)
	}
}

func TestNoLogIsMadeIfNoLevelIsEnabled(t *testing.T) {
	for _, logger := range []*slog.Logger{nil, slog.New(newJournal(slog.LevelError + 1)), slog.New(slog.DiscardHandler)} {
		config := unreachable(t)
		config.Logger = logger
		provider := create(t, config)
		succeed(t, provider.Register(t.Context()))
		succeed(t, provider.Close())
	}
}

// A logger that is slow also gets what was recorded before Close, and nothing after it.
func TestLogIsCompleteWhenClosed(t *testing.T) {
	journal := newJournal(slog.LevelInfo)
	journal.held = make(chan struct{})
	provider := create(t, journal.config(t))
	for range 3 {
		succeed(t, provider.Register(t.Context()))
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
		if strings.Contains(record.Message, "Deregister was called") {
			ends++
		}
		if record.Time.After(released) {
			t.Errorf("%+v does not have the time at which it was made", record)
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

// A logger that blocks delays Close, but nothing that Close ends.
func TestCloseEndsCallsWhileTheLoggerBlocks(t *testing.T) {
	journal := newJournal(slog.LevelInfo)
	journal.held = make(chan struct{})
	provider := create(t, journal.config(t))
	succeed(t, provider.Register(t.Context()))
	ended, closed := make(chan error), make(chan error)
	go func() { ended <- calls["DiscoverPeers"](t.Context(), provider) }()
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

// again is a logger that causes a record with each record.
type again struct {
	*journal
	provider *kubepeers.Provider
	enough   atomic.Bool
}

func (a *again) WithAttrs([]slog.Attr) slog.Handler { return a }

func (a *again) Handle(context.Context, slog.Record) error {
	if !a.enough.Load() {
		a.provider.Deregister()
		a.provider.Register(context.Background())
	}
	return nil
}

func TestCloseEndsALoggerThatNeverCatchesUp(t *testing.T) {
	logger := &again{journal: newJournal(slog.LevelInfo)}
	config := unreachable(t)
	config.Logger = slog.New(logger)
	logger.provider = create(t, config)
	succeed(t, logger.provider.Register(t.Context()))
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

// The log begins with the first Register, so that New opens nothing.
func TestNewWithALoggerStartsNothing(t *testing.T) {
	files := descriptors(t)
	provider := create(t, newJournal(slog.LevelDebug).config(t))
	if found := goroutines(t); found != "" || descriptors(t) != files || provider.Waiters() != 0 {
		t.Error(found)
	}
	succeed(t, provider.Close())
}

func TestCloseAndRegisterAtOnceEndTheLog(t *testing.T) {
	for range 100 {
		provider := create(t, newJournal(slog.LevelInfo).config(t))
		ended := make(chan error)
		go func() { ended <- provider.Register(t.Context()) }()
		succeed(t, provider.Close())
		<-ended
		succeed(t, provider.Close())
	}
	noGoroutines(t)
}

func TestRegisterWithoutADescriptorForTheLog(t *testing.T) {
	inAProcess(t, 0, func(t *testing.T) {
		config := newJournal(slog.LevelInfo).config(t)
		provider := must[*kubepeers.Provider](t)(kubepeers.New(config))
		release := exhaustDescriptors(t)
		want(t, provider.Register(t.Context()), kubepeers.ErrNoResources)
		release()
		succeed(t, provider.Register(t.Context()))
		succeed(t, provider.Close())
	})
}
