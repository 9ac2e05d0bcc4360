package controlplane

import (
	"crypto/rand"
	"os"
	"strings"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/cgroups"
	"github.com/kubepeers/kubepeers/tests/testenv/internal/process"
)

// A Claim is a folder that is ours, and will be removed whatever becomes of us.
type Claim struct {
	folder *folder
	reaper *process.Process // nil if another process is the owner
	life   *os.File         // the reaper wakes when nobody has it any more
}

// NewClaim makes dir, or takes over what a dead owner left there.
func NewClaim(dir string) (*Claim, error) {
	f, err := claim(dir)
	if err != nil {
		return nil, err
	}
	c := &Claim{folder: f}
	if c.reaper, c.life, err = startReaper(f); err != nil {
		f.remove()
		return nil, err
	}
	return c, nil
}

// Files are for a process that works in the folder on behalf of the owner.
func (c *Claim) Files() []*os.File { return []*os.File{c.folder.lock, c.folder.stop} }

// Inherit is for that process, which got the Files.
func Inherit(dir string, lock, stop *os.File) *Claim {
	return &Claim{folder: &folder{dir: dir, lock: lock, stop: stop}}
}

// Dir is the path of the folder.
func (c *Claim) Dir() string { return c.folder.dir }

// Path is that of a file in the folder.
func (c *Claim) Path(name string) string { return c.folder.path(name) }

// Write makes a file in the folder.
func (c *Claim) Write(name, text string) error { return c.folder.write(name, []byte(text)) }

// Start starts a program that works in the folder.
func (c *Claim) Start(name string, command ...string) (*process.Process, error) {
	return process.StartIn(c.folder.dir, c.folder.lock, name, command...)
}

// MakeCgroup makes a cgroup that goes before the folder goes. The folder says
// its name first, so that it is found whatever becomes of us.
func (c *Claim) MakeCgroup() error {
	name := cgroups.Prefix + strings.ToLower(rand.Text())
	if err := c.folder.write(cgroupFile, []byte(name)); err != nil {
		return err
	}
	return cgroups.Make(name)
}

// ReadCgroup is for a process that works on behalf of the owner: the name of
// the cgroup that the owner made.
func (c *Claim) ReadCgroup() (name string, err error) {
	text, err := os.ReadFile(c.folder.path(cgroupFile))
	return string(text), err
}

// Lost is closed when nobody would remove the folder after us.
func (c *Claim) Lost() <-chan struct{} { return c.reaper.Ended() }

// Release removes the folder, if we are its owner.
func (c *Claim) Release() error {
	if c.reaper == nil {
		return nil
	}
	err := c.folder.remove()
	// Last, so that the folder goes even if we are killed here.
	c.reaper.Kill()
	return err
}
