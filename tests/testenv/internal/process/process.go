// Package process starts processes that do not outlive the process that starts
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

// A Process is a child of this process. Nil stands for a process that was never
// started: Kill and Exited accept it.
type Process struct {
	Name   string
	cmd    *exec.Cmd
	log    string // path, or "" if there is no log
	exited chan struct{}
}

// StartIn starts a program with the working directory dir. It logs to NAME.log
// there, and holds the lock of dir until it exits.
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
	// The program inherits no other variables. etcd would read ETCD_… as flags, and
	// proxies must not be used for loopback.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid:   true, // the terminal must send Ctrl-C to the user's command only
		Pdeathsig: syscall.SIGKILL,
	}
	return Start(name, cmd, log.Name())
}

// Start starts a command. log is the path of its log, or "" if there is none.
func Start(name string, cmd *exec.Cmd, log string) (*Process, error) {
	if err := StartCommand(cmd); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	p := &Process{Name: name, cmd: cmd, log: log, exited: make(chan struct{})}
	go func() {
		cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// Kill kills the process and returns when it is gone. A clean shutdown would be of no
// use, because the directory is removed as well.
func (p *Process) Kill() {
	if p == nil {
		return
	}
	p.cmd.Process.Kill()
	<-p.exited
}

// Exited returns a channel that is closed when the process is gone.
func (p *Process) Exited() <-chan struct{} {
	if p == nil {
		return nil
	}
	return p.exited
}

// ExitError returns an error that says how the process exited, with the end of its
// log.
func (p *Process) ExitError() error {
	message := "%s exited unexpectedly (%v)%s"
	return &ExitError{fmt.Sprintf(message, p.Name, p.cmd.ProcessState, p.LogTail())}
}

// LogTail returns the end of the log in the form of a suffix of an error message.
func (p *Process) LogTail() string {
	if p.log == "" {
		return ""
	}
	const lines, width = 15, 500
	data, err := os.ReadFile(p.log)
	if err != nil {
		return fmt.Sprintf(" (its log cannot be read: %v)", err)
	}
	tail := strings.Split(strings.TrimSpace(string(data)), "\n")
	tail = tail[max(0, len(tail)-lines):]
	for i, line := range tail {
		tail[i] = "  " + line[:min(len(line), width)]
	}
	return "; the end of its log:\n" + strings.Join(tail, "\n")
}

// An ExitError says that a process exited unexpectedly.
type ExitError struct{ message string }

func (e *ExitError) Error() string { return e.message }

// PortTaken reports whether the process exited because its port was taken.
func (e *ExitError) PortTaken() bool {
	return strings.Contains(e.message, "address already in use")
}

var (
	starts     chan func()
	startsOnce sync.Once
)

// StartCommand starts a command that may have Pdeathsig set. The kernel sends that
// signal when the *thread* that started the command ends. So all commands are started
// by one thread that never ends.
func StartCommand(cmd *exec.Cmd) error {
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
