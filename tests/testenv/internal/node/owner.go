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

// This executable runs itself with these subcommands; the first must then call
// Init. The second is the insider: it gets the arguments of Enter, and calls
// Inside.
const (
	InitCommand   = "init"
	InsideCommand = "inside"
)

// What init process and insider inherit, after the standard three.
const (
	lockFD = 3 + iota
	stopFD
	noticesFD
)

// Enter runs the insider with these arguments to its end, and returns its
// status. The insider gets the notices.
func Enter(claim *controlplane.Claim, notices <-chan Notice, args []string) (status int, err error) {
	executable, err := os.Executable()
	if err != nil {
		return 0, err
	}
	reading, writing, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer writing.Close()
	cmd := exec.Command(executable, append([]string{InitCommand, claim.Dir()}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = append(claim.Files(), reading)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL,
	}
	err = process.StartMortal(cmd)
	reading.Close()
	if errors.Is(err, syscall.EPERM) {
		return 0, errors.New("a node needs namespaces of its own, and making them is not permitted here: run this with CAP_SYS_ADMIN (a container: --privileged)")
	}
	if err != nil {
		return 0, fmt.Errorf("making the namespaces of the node: %w", err)
	}
	return attend(cmd, claim, notices, writing)
}

func attend(cmd *exec.Cmd, claim *controlplane.Claim, notices <-chan Notice, writing *os.File) (status int, err error) {
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	for {
		select {
		case <-ended:
			if state := cmd.ProcessState; !state.Exited() {
				return 0, fmt.Errorf("the init process of the node ended by itself (%v)", state)
			}
			return cmd.ProcessState.ExitCode(), nil
		case n := <-notices:
			n.write(writing)
		case <-claim.Lost():
			cmd.Process.Kill()
			<-ended
			return 0, errors.New("the reaper ended by itself")
		}
	}
}
