package controlplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/cgroups"
)

const (
	lockFile   = "testenv.lock"
	stopFile   = "testenv.stop"
	cgroupFile = "cgroup"
)

// lockedDir is a directory whose lock this process holds. Only the process that
// holds the lock changes or removes files in it.
type lockedDir struct {
	dir  string
	lock *os.File
	// stop is the FIFO that Down writes to. The owner and the reaper keep it open,
	// so Down also learns from it when both are gone.
	stop *os.File
}

var errLocked = errors.New("locked")

// lockDir creates and locks dir. If a dead owner left files there, it removes
// them.
func lockDir(dir string) (*lockedDir, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	d := &lockedDir{dir: dir}
	for {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		if err := checkContents(dir); err != nil {
			return nil, err
		}
		d.lock, err = tryLock(dir, os.O_CREATE)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the former owner removed the directory in between
		}
		if errors.Is(err, errLocked) {
			return nil, fmt.Errorf(
				"a cluster is already running in %s: to stop it, run testenv down --dir %s", dir, dir)
		}
		if err != nil {
			return nil, err
		}
		break
	}
	if err := d.createStopFIFO(); err != nil {
		d.remove()
		return nil, err
	}
	return d, nil
}

func (d *lockedDir) createStopFIFO() error {
	if err := d.empty(); err != nil {
		return err
	}
	if err := syscall.Mkfifo(d.path(stopFile), 0o600); err != nil {
		return err
	}
	var err error
	d.stop, err = os.OpenFile(d.path(stopFile), os.O_RDWR, 0)
	return err
}

// checkContents rejects a directory with files of another program, because the
// directory will be removed.
func checkContents(dir string) error {
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
	// Its owner may have removed everything since the first ReadDir.
	if entries, _ := os.ReadDir(dir); len(entries) == 0 {
		return nil
	}
	return fmt.Errorf("%s is not empty and holds no cluster: choose another directory", dir)
}

// tryLock locks dir.
//
// Errors:
//   - errLocked if another process holds the lock.
//   - fs.ErrNotExist if dir does not exist or, without O_CREATE, its lock does not.
func tryLock(dir string, flag int) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|flag, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == syscall.EWOULDBLOCK {
		err = errLocked
	}
	if err == nil && !isCurrent(file, dir) {
		err = fs.ErrNotExist
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// isCurrent reports whether lock is still the lock file of dir. Its former owner
// may have removed it, and another process may have created a new one.
func isCurrent(lock *os.File, dir string) bool {
	held, err := lock.Stat()
	if err != nil {
		return false
	}
	current, err := os.Lstat(filepath.Join(dir, lockFile))
	return err == nil && os.SameFile(held, current)
}

func (d *lockedDir) path(name string) string { return filepath.Join(d.dir, name) }

func (d *lockedDir) write(name string, data []byte) error {
	return os.WriteFile(d.path(name), data, 0o600)
}

// empty removes everything but the lock. It removes the cgroup first, because
// processes in it may write to the directory until they end.
func (d *lockedDir) empty() error {
	if name, err := os.ReadFile(d.path(cgroupFile)); err == nil && len(name) > 0 {
		if err := cgroups.Remove(string(name)); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() == lockFile {
			continue
		}
		if err := os.RemoveAll(d.path(entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// remove removes the directory and unlocks it. The lock file goes after
// everything that it guards. The directory itself stays if it is not empty then:
// another process may already have created a cluster there.
func (d *lockedDir) remove() error {
	err := d.empty()
	if err == nil {
		err = os.Remove(d.path(lockFile))
	}
	if err == nil {
		os.Remove(d.dir)
	}
	d.lock.Close()
	return err
}
