package controlplane

import (
	"crypto/rand"
	"os"
	"strings"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/cgroups"
	"github.com/kubepeers/kubepeers/tests/testenv/internal/process"
)

// WorkDir is the directory of one control plane. It is removed when its owner
// ends, even if the owner is killed.
type WorkDir struct {
	locked    *lockedDir
	reaper    *process.Process // nil if another process is the owner
	ownerPipe *os.File         // the reaper wakes when every copy is closed
}

// NewWorkDir creates and locks dir. If a dead owner left files there, it removes
// them.
func NewWorkDir(dir string) (*WorkDir, error) {
	locked, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	w := &WorkDir{locked: locked}
	if w.reaper, w.ownerPipe, err = startReaper(locked); err != nil {
		locked.remove()
		return nil, err
	}
	return w, nil
}

// Files returns what a process needs to work in the directory for the owner.
func (w *WorkDir) Files() []*os.File { return []*os.File{w.locked.lock, w.locked.stop} }

// InheritWorkDir returns the directory in a process that inherited its Files.
func InheritWorkDir(dir string, lock, stop *os.File) *WorkDir {
	return &WorkDir{locked: &lockedDir{dir: dir, lock: lock, stop: stop}}
}

// Dir returns the path of the directory.
func (w *WorkDir) Dir() string { return w.locked.dir }

// Path returns the path of a file in the directory.
func (w *WorkDir) Path(name string) string { return w.locked.path(name) }

// Write writes a file in the directory.
func (w *WorkDir) Write(name, text string) error { return w.locked.write(name, []byte(text)) }

// Start starts a program with the directory as its working directory.
func (w *WorkDir) Start(name string, command ...string) (*process.Process, error) {
	return process.StartIn(w.locked.dir, w.locked.lock, name, command...)
}

// MakeCgroup creates a cgroup that is removed before the directory is. It writes
// the name to the directory first, so that the reaper finds it at any time.
func (w *WorkDir) MakeCgroup() error {
	name := cgroups.Prefix + strings.ToLower(rand.Text())
	if err := w.locked.write(cgroupFile, []byte(name)); err != nil {
		return err
	}
	return cgroups.Make(name)
}

// ReadCgroup returns the name of the cgroup that the owner created.
func (w *WorkDir) ReadCgroup() (name string, err error) {
	text, err := os.ReadFile(w.locked.path(cgroupFile))
	return string(text), err
}

// ReaperExited returns a channel that is closed when the reaper has exited.
// After that, no process would remove the directory if the owner were killed.
func (w *WorkDir) ReaperExited() <-chan struct{} { return w.reaper.Exited() }

// Release removes the directory. It does nothing in a process that is not the
// owner.
func (w *WorkDir) Release() error {
	if w.reaper == nil {
		return nil
	}
	err := w.locked.remove()
	// The reaper ends last: it removes the directory if this process is killed here.
	w.reaper.Kill()
	return err
}
