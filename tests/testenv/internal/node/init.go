package node

import (
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/controlplane"
)

// Init is the main function of the init process. It sets up the namespaces, runs
// the inner process, and exits with its status.
func Init(args []string) error {
	if os.Getpid() != 1 || len(args) < 1 {
		return errors.New("internal command: use testenv run --node instead")
	}
	ignoreTerminalSignals()
	if err := setUpMounts(args[0]); err != nil {
		return err
	}
	if err := setUpNetwork(); err != nil {
		return err
	}
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	arguments := append([]string{executable, InnerCommand}, args...)
	inner, err := os.StartProcess(executable, arguments, &os.ProcAttr{
		Files: append([]*os.File{os.Stdin, os.Stdout, os.Stderr}, inheritedFiles()...),
	})
	if err != nil {
		return err
	}
	os.Exit(waitAndReap(inner.Pid))
	return nil
}

// waitAndReap waits for the process and returns its status. Meanwhile it reaps
// orphans, which is the duty of an init process.
func waitAndReap(pid int) (status int) {
	for {
		var s syscall.WaitStatus
		exited, err := syscall.Wait4(-1, &s, 0, nil)
		if err == nil && exited == pid {
			if s.Signaled() {
				return 128 + int(s.Signal())
			}
			return s.ExitStatus()
		}
	}
}

// Inner returns what the inner process inherited from the owner.
func Inner(dir string) (*controlplane.WorkDir, <-chan Signal) {
	ignoreTerminalSignals()
	files := inheritedFiles()
	return controlplane.InheritWorkDir(dir, files[0], files[1]), readSignals(files[2])
}

// ignoreTerminalSignals discards the signals of the terminal, which the owner
// forwards. signal.Ignore would not do: the user's command would inherit that.
func ignoreTerminalSignals() {
	signal.Notify(make(chan os.Signal, 1),
		syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
}

func inheritedFiles() []*os.File {
	var files []*os.File
	for _, fd := range []int{lockFD, stopFD, signalsFD} {
		syscall.CloseOnExec(fd)
		files = append(files, os.NewFile(uintptr(fd), "inherited"))
	}
	return files
}
