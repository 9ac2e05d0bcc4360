package kubepeers_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// The library leaves the process of the program alone. A Go program does not fork
// without exec, and does not unload libraries: C and Python have those tests.

// inAProcess runs a test of this binary in another process, which must end with this
// status and print nothing.
func inAProcess(t *testing.T, status int, body func(t *testing.T)) {
	t.Helper()
	const variable = "KUBEPEERS_TEST_PROCESS"
	if os.Getenv(variable) == t.Name() {
		body(t)
		if t.Failed() {
			return // The output of the test says why.
		}
		os.Exit(status)
	}
	command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	command.Env = append(os.Environ(), variable+"="+t.Name())
	output, _ := command.CombinedOutput()
	if command.ProcessState.ExitCode() != status || len(output) > 0 {
		t.Errorf("%v\n%s", command.ProcessState, output)
	}
}

// signalsOf returns the signal masks of a thread.
func signalsOf(t *testing.T, thread string) map[string]uint64 {
	t.Helper()
	masks := map[string]uint64{}
	status, err := os.ReadFile("/proc/self/task/" + thread + "/status")
	if err != nil {
		return nil // It has just ended.
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		if strings.HasPrefix(name, "Sig") && name != "SigQ" {
			masks[name] = must[uint64](t)(strconv.ParseUint(strings.TrimSpace(value), 16, 64))
		}
	}
	return masks
}

func TestSignalsStayAsTheyAre(t *testing.T) {
	inAProcess(t, 0, func(t *testing.T) {
		runtime.LockOSThread()
		signal.Ignore(syscall.SIGHUP)
		signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR1)
		thread := strconv.Itoa(syscall.Gettid())
		before := signalsOf(t, thread)
		provider := waiting(t)
		during := signalsOf(t, thread)
		succeed(t, provider.Close())
		after := signalsOf(t, thread)
		for _, name := range []string{"SigBlk", "SigIgn", "SigCgt"} {
			if before[name] != during[name] || before[name] != after[name] {
				t.Errorf("%s: %x, %x, %x", name, before[name], during[name], after[name])
			}
		}
	})
}

func TestThreadsBlockAllSignalsButFaults(t *testing.T) {
	var faults uint64
	for _, fault := range []syscall.Signal{syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGTRAP, syscall.SIGSYS, syscall.SIGABRT} {
		faults |= 1 << (fault - 1)
	}
	const canBeBlocked = ^uint64(1<<(syscall.SIGKILL-1) | 1<<(syscall.SIGSTOP-1) | 3<<31) // 32 and 33 are glibc's.
	provider := waiting(t)
	// A thread names itself: one that has its name has its mask, too.
	eventually(t, "there is a thread that blocks them", func() bool {
		n := 0
		for _, task := range must[[]os.DirEntry](t)(os.ReadDir("/proc/self/task")) {
			name, err := os.ReadFile("/proc/self/task/" + task.Name() + "/comm")
			if err == nil && strings.HasPrefix(string(name), "kubepeers") && signalsOf(t, task.Name())["SigBlk"]&canBeBlocked == canBeBlocked&^faults {
				n++
			}
		}
		return n > 0
	})
	succeed(t, provider.Close())
}

// breaking answers every TLS handshake with nonsense and closes the connection, so
// that the client writes into a closed connection.
func breaking(t *testing.T) kubepeers.Config {
	t.Helper()
	config := unreachable(t)
	listener := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	t.Cleanup(func() { listener.Close() })
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	t.Setenv("KUBERNETES_SERVICE_PORT", port)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			breakOff(connection.(*net.TCPConn))
		}
	}()
	return config
}

func breakOff(connection *net.TCPConn) {
	connection.Read(make([]byte, 4096))
	raw, _ := connection.SyscallConn()
	raw.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_CORK, 1) })
	connection.Write([]byte("neither TLS nor anything else"))
	connection.CloseWrite()
	connection.SetLinger(0)
	connection.Close()
}

// hasPipeSignal reports whether SIGPIPE was sent to a thread of the library, where it
// stays pending.
func hasPipeSignal(t *testing.T) bool {
	for _, task := range must[[]os.DirEntry](t)(os.ReadDir("/proc/self/task")) {
		if signalsOf(t, task.Name())["SigPnd"]&(1<<(syscall.SIGPIPE-1)) != 0 {
			return true
		}
	}
	return false
}

// A SIGPIPE on a thread that is not Go's would end the process.
func TestSIGPIPEDoesNotReachTheProgram(t *testing.T) {
	inAProcess(t, 0, func(t *testing.T) {
		config := breaking(t)
		for range 20 {
			provider := must[*kubepeers.Provider](t)(kubepeers.Open(t.Context(), config))
			eventually(t, "SIGPIPE was sent", func() bool { return hasPipeSignal(t) })
			succeed(t, provider.Close())
		}
	})
}

func descriptors(t *testing.T) int {
	return len(must[[]os.DirEntry](t)(os.ReadDir("/proc/self/fd")))
}

func TestOpeningAndClosingLeavesNothing(t *testing.T) {
	inAProcess(t, 0, func(t *testing.T) {
		config := unreachable(t)
		cycle := func() {
			provider := must[*kubepeers.Provider](t)(kubepeers.Open(t.Context(), config))
			want(t, discover(provider), kubepeers.ErrNotSynced)
			succeed(t, provider.Close())
		}
		cycle() // Go and the library open what they keep.
		eventually(t, "no thread is left", func() bool { return libraryThreads(t) == 0 })
		before := descriptors(t)
		for range 1000 {
			cycle()
		}
		eventually(t, "no descriptor is left", func() bool { return descriptors(t) <= before })
		eventually(t, "no thread is left", func() bool { return libraryThreads(t) == 0 })
	})
}

func TestDescriptorsEndAtExec(t *testing.T) {
	count := func() string {
		return string(must[[]byte](t)(exec.Command("sh", "-c", "ls /proc/self/fd | wc -l").Output()))
	}
	before := count()
	own := descriptors(t)
	provider := waiting(t)
	eventually(t, "the library opens something", func() bool { return descriptors(t) > own })
	for range 50 {
		if now := count(); now != before {
			t.Fatalf("%s descriptors, not %s", now, before)
		}
	}
	succeed(t, provider.Close())
}

func TestExitWhileWaiting(t *testing.T) {
	for i := range 10 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			inAProcess(t, 7, func(t *testing.T) {
				provider := waiting(t)
				for range 3 {
					go provider.DiscoverPeers(t.Context())
				}
				time.Sleep(time.Duration(i) * time.Millisecond) // They are at different points.
			})
		})
	}
}

// A thread of the operating system that has made calls ends with its goroutine.
func TestThreadsEndAfterUse(t *testing.T) {
	provider := waiting(t)
	ended := make(chan error)
	for range 200 {
		go func() {
			runtime.LockOSThread() // and never unlocked
			ended <- discover(provider)
		}()
	}
	for range 200 {
		want(t, <-ended, kubepeers.ErrNotSynced)
	}
	succeed(t, provider.Close())
}

// exhaustDescriptors opens files until there are no descriptors left.
func exhaustDescriptors(t *testing.T) (release func()) {
	t.Helper()
	var now syscall.Rlimit
	succeed(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now))
	succeed(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: now.Max}))
	path := filepath.Join(t.TempDir(), "file")
	succeed(t, os.WriteFile(path, nil, 0o600))
	var files []*os.File
	for {
		file, err := os.Open(path)
		if err != nil {
			break
		}
		files = append(files, file)
	}
	return func() {
		for _, file := range files {
			file.Close()
		}
	}
}

func libraryThreads(t *testing.T) int {
	t.Helper()
	n := 0
	for _, task := range threads(t) {
		name, err := os.ReadFile("/proc/self/task/" + task.Name() + "/comm")
		if err == nil && strings.HasPrefix(string(name), "kubepeers") { // Another thread may just have ended.
			n++
		}
	}
	return n
}

func TestCloseLeavesNoThreadAndNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 10 {
		provider := waiting(t)
		want(t, discover(provider), kubepeers.ErrNotSynced)
		// A thread names itself, and stays in /proc a moment longer than it can be joined.
		eventually(t, "there is a thread", func() bool { return libraryThreads(t) == 1 })
		succeed(t, provider.Close())
		eventually(t, "there is no thread", func() bool { return libraryThreads(t) == 0 })
	}
	eventually(t, "the goroutines end", func() bool { return runtime.NumGoroutine() <= before })
}

// goroutines returns the stacks of those that are in this package.
func goroutines(t *testing.T) string {
	t.Helper()
	var profile bytes.Buffer
	succeed(t, pprof.Lookup("goroutine").WriteTo(&profile, 1))
	var found []string
	for _, stack := range strings.Split(profile.String(), "\n\n") {
		if strings.Contains(stack, "kubepeers/bindings/go.") {
			found = append(found, stack)
		}
	}
	return strings.Join(found, "\n\n")
}

func noGoroutines(t *testing.T) {
	t.Helper()
	last := ""
	defer func() {
		if t.Failed() {
			t.Log(last)
		}
	}()
	eventually(t, "no goroutine is left", func() bool { last = goroutines(t); return last == "" })
}

func TestCloseEndsAllGoroutines(t *testing.T) {
	provider := create(t, newJournal(slog.LevelDebug).config(t))
	succeed(t, provider.Register(t.Context()))
	ended := make(chan error)
	go func() { ended <- lastOfWatch(t.Context(), provider) }()
	go func() { ended <- provider.Refresh(t.Context()) }()
	eventually(t, "there are goroutines", func() bool {
		now := goroutines(t)
		return strings.Contains(now, "forward") && strings.Contains(now, "watch") && strings.Contains(now, "Refresh")
	})
	succeed(t, provider.Close())
	for range 2 {
		want(t, <-ended, kubepeers.ErrClosed)
	}
	noGoroutines(t)
}

func TestCancelEndsAllGoroutines(t *testing.T) {
	provider := waiting(t)
	ctx, cancel := context.WithCancel(t.Context())
	for range 10 {
		for _, name := range append(waits, "Watch") {
			go calls[name](ctx, provider)
		}
	}
	eventually(t, "there are goroutines", func() bool { return strings.Contains(goroutines(t), "watch") })
	cancel()
	noGoroutines(t)
	want(t, discover(provider), kubepeers.ErrNotSynced)
}

func TestProviderThatIsNotReferencedIsClosed(t *testing.T) {
	config := newJournal(slog.LevelDebug).config(t)
	var handle capi.Provider
	func() {
		provider := must[*kubepeers.Provider](t)(kubepeers.Open(t.Context(), config))
		handle = provider.Handle()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		go lastOfWatch(ctx, provider)
		go provider.Refresh(ctx)
	}()
	eventually(t, "the provider is closed", func() bool {
		runtime.GC()
		failure := handle.Deregister()
		return failure != nil && failure.Status == capi.Closed
	})
	noGoroutines(t)
}

func TestProviderInUseIsNotClosed(t *testing.T) {
	config := unreachable(t)
	for _, name := range []string{"DiscoverPeers", "Watch"} {
		result := make(chan error)
		go func() {
			provider, err := kubepeers.Open(t.Context(), config) // Only this goroutine knows it.
			if err != nil {
				result <- err
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			result <- calls[name](ctx, provider)
		}()
		for ended := false; !ended; {
			select {
			case err := <-result:
				want(t, err, kubepeers.ErrNotSynced)
				ended = true
			default:
				runtime.GC()
			}
		}
	}
}

func TestClosedProvidersKeepNoMemory(t *testing.T) {
	heap := func() int64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.GC() // The second one empties pools.
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapAlloc)
	}
	config := validConfig()
	config.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	use := func() { succeed(t, must[*kubepeers.Provider](t)(kubepeers.New(config)).Close()) }
	const uses = 5000
	for range 100 {
		use()
	}
	before := heap()
	for range uses {
		use()
	}
	// A session is larger. Goroutines of the last uses may still end.
	eventually(t, "at most 50 bytes are kept for each use", func() bool { return heap()-before <= 50*uses })
}
