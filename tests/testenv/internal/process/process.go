// Package process starts processes that do not outlive the one that started
// them.
package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
)

// A Process is a child of the owner. Its methods may be called on nil, which
// stands for one that was never started.
type Process struct {
	Name   string
	cmd    *exec.Cmd
	log    string // path, empty if it has none
	exited chan struct{}
}

// StartIn starts a program that works in dir, has its log there (NAME.log), and
// holds the lock of dir until it ends.
func StartIn(dir string, lock *os.File, name string, command ...string) (*Process, error) {
	log, err := os.OpenFile(filepath.Join(dir, name+".log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Stdout = log
	cmd.Stderr = log
	cmd.ExtraFiles = []*os.File{lock}
	// Little of the environment: etcd takes ETCD_… for flags, and a proxy is
	// nothing for loopback.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid:   true, // Ctrl-C is for the command of `testenv run`
		Pdeathsig: syscall.SIGKILL,
	}
	return Start(name, cmd, log.Name())
}

// Start starts a command whose log, if it has one, is in the file.
func Start(name string, cmd *exec.Cmd, log string) (*Process, error) {
	if err := StartMortal(cmd); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	p := &Process{Name: name, cmd: cmd, log: log, exited: make(chan struct{})}
	go func() {
		cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// Kill returns when the process is gone. Nothing is lost by not asking nicely:
// the folder goes too.
func (p *Process) Kill() {
	if p == nil {
		return
	}
	p.cmd.Process.Kill()
	<-p.exited
}

// Ended is closed when the process is gone.
func (p *Process) Ended() <-chan struct{} {
	if p == nil {
		return nil
	}
	return p.exited
}

// Death tells that a process ended that was not to, and why.
func (p *Process) Death() error {
	return &DeathError{fmt.Sprintf("%s ended by itself (%v)%s", p.Name, p.cmd.ProcessState, p.LogTail())}
}

// LogTail is the end of the log, ready to be put behind an error message.
func (p *Process) LogTail() string {
	if p.log == "" {
		return ""
	}
	const lines, width = 15, 500
	data, err := os.ReadFile(p.log)
	if err != nil {
		return fmt.Sprintf(" (and no log: %v)", err)
	}
	tail := strings.Split(strings.TrimSpace(string(data)), "\n")
	tail = tail[max(0, len(tail)-lines):]
	for i, line := range tail {
		tail[i] = "  " + line[:min(len(line), width)]
	}
	return "; the end of its log:\n" + strings.Join(tail, "\n")
}

// A DeathError is what Death gives.
type DeathError struct{ message string }

func (e *DeathError) Error() string { return e.message }

// PortTaken tells whether somebody else had the port.
func (e *DeathError) PortTaken() bool {
	return strings.Contains(e.message, "address already in use")
}

var (
	starts     chan func()
	startsOnce sync.Once
)

// StartMortal starts a command that may have Pdeathsig set. The signal is sent
// when the *thread* that started the command ends, so they are all started by
// one that never does.
func StartMortal(cmd *exec.Cmd) error {
	startsOnce.Do(func() {
		starts = make(chan func())
		go func() {
			runtime.LockOSThread()
			for start := range starts {
				start()
			}
		}()
	})
	done := make(chan error)
	starts <- func() { done <- cmd.Start() }
	return <-done
}
