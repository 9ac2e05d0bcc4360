package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/controlplane"
	"github.com/kubepeers/kubepeers/tests/testenv/internal/process"
)

// This executable runs itself with these subcommands. The main function must call
// Init for the first. The second is the inner process, which calls Inner. It
// receives the arguments of Enter.
const (
	InitCommand  = "init"
	InnerCommand = "inner"
)

// File descriptors that the init and inner processes inherit, besides the
// standard three.
const (
	lockFD = 3 + iota
	stopFD
	signalsFD
)

// Enter runs the inner process in new namespaces and returns its exit status. It
// forwards the signals to the inner process.
func Enter(
	workDir *controlplane.WorkDir, signals <-chan Signal, args []string,
) (status int, err error) {
	executable, err := os.Executable()
	if err != nil {
		return 0, err
	}
	reading, writing, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer writing.Close()
	cmd := exec.Command(executable, append([]string{InitCommand, workDir.Dir()}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = append(workDir.Files(), reading)
	const namespaces = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET |
		syscall.CLONE_NEWIPC
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL}
	err = process.StartCommand(cmd)
	reading.Close()
	if errors.Is(err, syscall.EPERM) {
		return 0, errors.New("creating the node's namespaces: permission denied: " +
			"run this with CAP_SYS_ADMIN (in a container: --privileged)")
	}
	if err != nil {
		return 0, fmt.Errorf("creating the node's namespaces: %w", err)
	}
	return waitInit(cmd, workDir, signals, writing)
}

func waitInit(
	cmd *exec.Cmd, workDir *controlplane.WorkDir, signals <-chan Signal, writing *os.File,
) (status int, err error) {
	exited := make(chan struct{})
	go func() {
		cmd.Wait()
		close(exited)
	}()
	for {
		select {
		case <-exited:
			if state := cmd.ProcessState; !state.Exited() {
				return 0, fmt.Errorf("the node's init process exited unexpectedly (%v)", state)
			}
			return cmd.ProcessState.ExitCode(), nil
		case s := <-signals:
			s.write(writing)
		case <-workDir.ReaperExited():
			cmd.Process.Kill()
			<-exited
			return 0, errors.New("the reaper exited unexpectedly")
		}
	}
}
