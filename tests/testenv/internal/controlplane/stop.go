package controlplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Down stops the control plane in dir, if there is one, and removes dir.
func Down(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := checkContents(dir); err != nil {
		return err
	}
	if err := requestStop(dir); err != nil {
		return err
	}
	for deadline := time.Now().Add(limit); ; time.Sleep(5 * time.Millisecond) {
		lock, err := tryLock(dir, 0)
		if err == nil {
			return (&lockedDir{dir: dir, lock: lock}).remove()
		}
		if errors.Is(err, fs.ErrNotExist) {
			os.Remove(dir) // an empty directory may be left
			return nil
		}
		if !errors.Is(err, errLocked) {
			return err
		}
		if time.Now().After(deadline) {
			return notStopped(dir)
		}
	}
}

// requestStop returns when the owner and the reaper are gone.
func requestStop(dir string) error {
	const flags = syscall.O_WRONLY | syscall.O_NONBLOCK | syscall.O_CLOEXEC
	stop, err := syscall.Open(filepath.Join(dir, stopFile), flags, 0)
	if err == syscall.ENOENT || err == syscall.ENXIO {
		return nil // they are gone
	}
	if err != nil {
		return err
	}
	defer syscall.Close(stop)
	if _, err := syscall.Write(stop, []byte{0}); err == syscall.EPIPE {
		return nil
	}
	poll := []unix.PollFd{{Fd: int32(stop)}}
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); {
		// poll(2) always reports POLLERR, which means that no process has the FIFO
		// open for reading.
		n, err := unix.Poll(poll, 100)
		if err != nil && err != unix.EINTR {
			return err
		}
		if n > 0 {
			return nil
		}
	}
	return notStopped(dir)
}

func notStopped(dir string) error {
	return fmt.Errorf("the cluster in %s did not stop within %v", dir, limit)
}

// stopRequested returns a channel that is closed when Down requests a stop. Call
// it once.
func (d *lockedDir) stopRequested() <-chan struct{} {
	requested := make(chan struct{})
	go func() {
		d.stop.Read(make([]byte, 1))
		close(requested)
	}()
	return requested
}
