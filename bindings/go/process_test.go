package kubepeers_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// The process stays the program's. A Go program does not fork without exec, and
// does not unload libraries: C and Python have the tests of that.

// inAProcess runs a test of this binary in a process of its own, and wants it
// to end with this status without a word.
func inAProcess(t *testing.T, status int, body func(t *testing.T)) {
	t.Helper()
	const variable = "KUBEPEERS_TEST_PROCESS"
	if os.Getenv(variable) == t.Name() {
		body(t)
		if t.Failed() {
			return // The test's own words say why.
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

// signalsOf gives the signal masks of a thread, of the main one if it is "self".
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
		provider := waiting(t, 0)
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
	provider := waiting(t, 0)
	// A thread gives itself its name: one that has it has its mask too.
	eventually(t, "there is a thread, and it is deaf", func() bool {
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

// breaking answers every TLS handshake with nonsense, and is gone when the
// client complains: it writes into a connection that is no more.
func breaking(t *testing.T) []kubepeers.Option {
	t.Helper()
	options := unreachable(t, 0)
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
	return options
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

// hasPipeSignal says whether SIGPIPE was sent to a thread of the library,
// where it waits for ever.
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
		options := breaking(t)
		for range 20 {
			provider := kubepeers.New(validConfig(), options...)
			succeed(t, provider.Initialize())
			succeed(t, provider.Register())
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
		options := unreachable(t, 0)
		cycle := func() {
			provider := kubepeers.New(validConfig(), options...)
			succeed(t, provider.Initialize())
			succeed(t, provider.Register())
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
	provider := waiting(t, 0)
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
				provider := waiting(t, time.Hour)
				for range 3 {
					go discover(provider)
				}
				time.Sleep(time.Duration(i) * time.Millisecond) // Wherever they are by then.
			})
		})
	}
}

// An operating system thread that made calls ends with its goroutine.
func TestThreadsEndAfterUse(t *testing.T) {
	provider := waiting(t, 0)
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

func limit(t *testing.T, files uint64) {
	t.Helper()
	var now syscall.Rlimit
	succeed(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now))
	succeed(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: files, Max: now.Max}))
}
