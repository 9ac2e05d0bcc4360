package kubepeers_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// The tests in this file check that the library does not interfere with the rest of the
// process. Only the tests in C and Python cover fork and dlclose, because Go programs do
// not use them.

func TestSignalHandlersAreUnchanged(t *testing.T) {
	runInSubprocess(t, 0, func(t *testing.T) {
		runtime.LockOSThread()
		signal.Ignore(syscall.SIGHUP)
		signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR1)
		thread := strconv.Itoa(syscall.Gettid())
		before := signalMasks(t, thread)
		provider := unsyncedProvider(t)
		registered := signalMasks(t, thread)
		requireNoError(t, provider.Close())
		closed := signalMasks(t, thread)
		for _, name := range []string{"SigBlk", "SigIgn", "SigCgt"} {
			if registered[name] != before[name] || closed[name] != before[name] {
				t.Errorf("%s: got %x after Register, %x after Close; want %x",
					name, registered[name], closed[name], before[name])
			}
		}
	})
}

func TestLibraryThreadBlocksSignalsExceptFaults(t *testing.T) {
	var faults uint64
	for _, fault := range []syscall.Signal{
		syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGTRAP,
		syscall.SIGSYS, syscall.SIGABRT,
	} {
		faults |= 1 << (fault - 1)
	}
	// SIGKILL and SIGSTOP cannot be blocked. glibc uses 32 and 33.
	const blockable = ^uint64(1<<(syscall.SIGKILL-1) | 1<<(syscall.SIGSTOP-1) | 3<<31)
	provider := unsyncedProvider(t)
	eventually(t, "a thread of the library blocks all signals except faults", func() bool {
		return slices.ContainsFunc(libraryThreads(t), func(thread string) bool {
			return signalMasks(t, thread)["SigBlk"]&blockable == blockable&^faults
		})
	})
	requireNoError(t, provider.Close())
}

// A SIGPIPE on a thread that Go has not created would end the process.
func TestSIGPIPEDoesNotReachProgram(t *testing.T) {
	runInSubprocess(t, 0, func(t *testing.T) {
		config := resettingConfig(t)
		for range 20 {
			provider := must[*kubepeers.Provider](t)(kubepeers.Open(t.Context(), config))
			eventually(t, "a thread has received SIGPIPE", func() bool { return sigpipePending(t) })
			requireNoError(t, provider.Close())
		}
	})
}

func TestDescriptorsAreClosedOnExec(t *testing.T) {
	inherited := func() string {
		output, err := exec.Command("sh", "-c", "ls /proc/self/fd | wc -l").Output()
		requireNoError(t, err)
		return string(output)
	}
	want := inherited()
	before := descriptors(t)
	provider := unsyncedProvider(t)
	eventually(t, "the library opens a descriptor", func() bool { return descriptors(t) > before })
	for range 50 {
		if got := inherited(); got != want {
			t.Fatalf("got %s inherited descriptors; want %s", got, want)
		}
	}
	requireNoError(t, provider.Close())
}

func TestExitDuringWaitingCalls(t *testing.T) {
	for i := range 10 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			runInSubprocess(t, 7, func(t *testing.T) {
				provider := unsyncedProvider(t)
				for range 3 {
					go provider.DiscoverPeers(t.Context())
				}
				// The calls are at different points when the process exits.
				time.Sleep(time.Duration(i) * time.Millisecond)
			})
		})
	}
}
