package controlplane

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/cgroups"
)

const (
	lockFile = "testenv.lock"
	stopFile = "testenv.stop"

	cgroupFile = "cgroup"

	// etcd 3.5.9 requires a port in every URL, for a socket too. There it is a
	// part of the file's name, and all versions take it.
	etcdSocket     = "etcd.sock:0"
	etcdPeerSocket = "etcd-peer.sock:0"
	orderSocket    = "orders.sock"
)

// A folder holds everything of one control plane. Who has its lock owns it, and
// only an owner changes or removes what is in it.
type folder struct {
	dir  string
	lock *os.File
	// stop is the FIFO that Down writes to. The owner and the reaper keep it
	// open, so Down can also see from it that both are gone.
	stop *os.File
}

var errLocked = errors.New("locked")

// claim makes dir, or takes over what a dead owner left there.
func claim(dir string) (*folder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	f := &folder{dir: dir}
	for {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		if err := checkForeign(dir); err != nil {
			return nil, err
		}
		f.lock, err = tryLock(dir, os.O_CREATE)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed just now by its former owner
		}
		if errors.Is(err, errLocked) {
			return nil, fmt.Errorf("a cluster is already running in %s (to stop it: testenv down --dir %s)", dir, dir)
		}
		if err != nil {
			return nil, err
		}
		break
	}
	if err := f.makeStop(); err != nil {
		f.remove()
		return nil, err
	}
	return f, nil
}

func (f *folder) makeStop() error {
	if err := f.empty(); err != nil {
		return err
	}
	if err := syscall.Mkfifo(f.path(stopFile), 0o600); err != nil {
		return err
	}
	var err error
	f.stop, err = os.OpenFile(f.path(stopFile), os.O_RDWR, 0)
	return err
}

// checkForeign refuses a folder with something in it that is not ours: it would
// be removed some day.
func checkForeign(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(entries) == 0 {
		return nil
	}
	if _, err := os.Lstat(filepath.Join(dir, lockFile)); err == nil {
		return nil
	}
	// It may have been removed between the two looks.
	if entries, _ := os.ReadDir(dir); len(entries) == 0 {
		return nil
	}
	return fmt.Errorf("%s is not empty, and holds no cluster", dir)
}

// tryLock takes the lock of dir, or fails with errLocked, or with
// fs.ErrNotExist when dir (or, without O_CREATE, its lock) is not there.
func tryLock(dir string, flag int) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|flag, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == syscall.EWOULDBLOCK {
		err = errLocked
	}
	if err == nil && !isAt(file, dir) {
		err = fs.ErrNotExist
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// isAt tells whether the lock is still the one of dir: its former owner may
// have removed it, and somebody may have made a new one.
func isAt(lock *os.File, dir string) bool {
	mine, err := lock.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(filepath.Join(dir, lockFile))
	return err == nil && os.SameFile(mine, there)
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

func (f *folder) write(name string, data []byte) error {
	return os.WriteFile(f.path(name), data, 0o600)
}

// empty removes everything but the lock. What lived in the cgroup may have
// written to the folder until its end.
func (f *folder) empty() error {
	if name, err := os.ReadFile(f.path(cgroupFile)); err == nil && len(name) > 0 {
		if err := cgroups.Remove(string(name)); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() == lockFile {
			continue
		}
		if err := os.RemoveAll(f.path(entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// remove ends the ownership and the folder. The lock goes after everything it
// guards, and the folder itself only if it is still empty then: somebody may
// make a new cluster there already.
func (f *folder) remove() error {
	err := f.empty()
	if err == nil {
		err = os.Remove(f.path(lockFile))
	}
	if err == nil {
		os.Remove(f.dir)
	}
	f.lock.Close()
	return err
}

// stopAsked is closed when Down asks. Call it once.
func (f *folder) stopAsked() <-chan struct{} {
	asked := make(chan struct{})
	go func() {
		f.stop.Read(make([]byte, 1))
		close(asked)
	}()
	return asked
}

// shortly calls do with a short path of a socket in dir: it may not exceed 107
// bytes.
func shortly(dir, name string, do func(path string) error) error {
	opened, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer opened.Close()
	return do(fmt.Sprintf("/proc/self/fd/%d/%s", opened.Fd(), name))
}

func dial(dir, name string) (conn net.Conn, err error) {
	err = shortly(dir, name, func(path string) error {
		conn, err = net.Dial("unix", path)
		return err
	})
	return conn, err
}

func listen(dir, name string) (listener net.Listener, err error) {
	err = shortly(dir, name, func(path string) error {
		listener, err = net.Listen("unix", path)
		return err
	})
	return listener, err
}

func (f *folder) dialEtcd() error {
	conn, err := dial(f.dir, etcdSocket)
	if err != nil {
		return err
	}
	return conn.Close()
}

// Down stops the control plane in dir, if there is one, and removes dir.
func Down(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := checkForeign(dir); err != nil {
		return err
	}
	if err := askToStop(dir); err != nil {
		return err
	}
	for deadline := time.Now().Add(limit); ; time.Sleep(5 * time.Millisecond) {
		lock, err := tryLock(dir, 0)
		if err == nil {
			return (&folder{dir: dir, lock: lock}).remove()
		}
		if errors.Is(err, fs.ErrNotExist) {
			os.Remove(dir) // it may be there, empty
			return nil
		}
		if !errors.Is(err, errLocked) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the cluster in %s did not stop within %v", dir, limit)
		}
	}
}

// askToStop returns when the owner and the reaper are gone.
func askToStop(dir string) error {
	stop, err := syscall.Open(filepath.Join(dir, stopFile), syscall.O_WRONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
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
		// POLLERR, which is always asked for: nobody has it open to read.
		n, err := unix.Poll(poll, 100)
		if err != nil && err != unix.EINTR {
			return err
		}
		if n > 0 {
			return nil
		}
	}
	return fmt.Errorf("the cluster in %s did not stop within %v", dir, limit)
}
