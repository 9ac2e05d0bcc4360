package controlplane

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

// A process is a child of the owner. Its methods may be called on nil, which
// stands for one that was never started.
type process struct {
	name   string
	cmd    *exec.Cmd
	log    string // path, empty if it has none
	exited chan struct{}
}

// startProgram starts etcd or a Kubernetes program in the folder.
func startProgram(f *folder, programs programs, name string, args ...string) (*process, error) {
	log, err := os.OpenFile(f.path(name+".log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := append(programs.command(name), args...)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = f.dir
	cmd.Stdout = log
	cmd.Stderr = log
	cmd.ExtraFiles = []*os.File{f.lock}
	// Little of the environment: etcd takes ETCD_… for flags, and a proxy is
	// nothing for loopback.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + f.dir, "TMPDIR=" + f.dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid:   true, // Ctrl-C is for the command of `cluster run`
		Pdeathsig: syscall.SIGKILL,
	}
	return startProcess(name, cmd, log.Name())
}

func startProcess(name string, cmd *exec.Cmd, log string) (*process, error) {
	if err := StartMortal(cmd); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	p := &process{name: name, cmd: cmd, log: log, exited: make(chan struct{})}
	go func() {
		cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// kill returns when the process is gone. Nothing is lost by not asking nicely:
// the folder goes too.
func (p *process) kill() {
	if p == nil {
		return
	}
	p.cmd.Process.Kill()
	<-p.exited
}

// ended is closed when the process is gone.
func (p *process) ended() <-chan struct{} {
	if p == nil {
		return nil
	}
	return p.exited
}

func (p *process) death() error {
	return &deathError{fmt.Sprintf("%s ended by itself (%v)%s", p.name, p.cmd.ProcessState, p.logTail())}
}

// logTail is the end of the log, ready to be put behind an error message.
func (p *process) logTail() string {
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

type deathError struct{ message string }

func (e *deathError) Error() string { return e.message }

func (e *deathError) portTaken() bool {
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

// programs says how the programs are called.
type programs struct {
	dir   string // with one file for each
	multi string // or one file for all
}

const assetsVariable = "KUBEBUILDER_ASSETS"

func findPrograms() (programs, error) {
	if dir := os.Getenv(assetsVariable); dir != "" {
		dir, err := filepath.Abs(dir)
		if err != nil {
			return programs{}, err
		}
		for _, name := range []string{"etcd", "kube-apiserver"} {
			if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
				return programs{}, fmt.Errorf("%s has no program %s: unset it to use what `make control-plane` builds (%w)", assetsVariable, name, err)
			}
		}
		return programs{dir: dir}, nil
	}
	executable, err := os.Executable()
	if err != nil {
		return programs{}, err
	}
	multi := filepath.Join(filepath.Dir(executable), "kubernetes")
	if _, err := exec.LookPath(multi); err != nil {
		return programs{}, fmt.Errorf("Kubernetes is not built: run `make control-plane`, or set %s to a folder with etcd and kube-apiserver (%w)", assetsVariable, err)
	}
	return programs{multi: multi}, nil
}

func (p programs) command(name string) []string {
	if p.multi != "" {
		return []string{p.multi, name}
	}
	return []string{filepath.Join(p.dir, name)}
}
