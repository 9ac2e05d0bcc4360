package node

import (
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/controlplane"
)

// Init is what the init process does: arrange the namespaces, run the insider,
// and end as it does.
func Init(args []string) error {
	if os.Getpid() != 1 || len(args) < 1 {
		return errors.New("not for people: see `testenv run --node`")
	}
	leaveSignalsToOwner()
	if err := privateMounts(args[0]); err != nil {
		return err
	}
	if err := privateNetwork(); err != nil {
		return err
	}
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	insider, err := os.StartProcess(executable, append([]string{executable, InsideCommand}, args...), &os.ProcAttr{
		Files: append([]*os.File{os.Stdin, os.Stdout, os.Stderr}, inherited()...),
	})
	if err != nil {
		return err
	}
	os.Exit(bury(insider.Pid))
	return nil
}

// bury waits for the process, and meanwhile for those whose parents are gone.
func bury(pid int) (status int) {
	for {
		var s syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &s, 0, nil)
		if err == nil && ended == pid {
			if s.Signaled() {
				return 128 + int(s.Signal())
			}
			return s.ExitStatus()
		}
	}
}

// Inside returns what the owner gave to the insider.
func Inside(dir string) (*controlplane.Claim, <-chan Notice) {
	leaveSignalsToOwner()
	files := inherited()
	return controlplane.Inherit(dir, files[0], files[1]), readNotices(files[2])
}

// leaveSignalsToOwner: a terminal sends its signals to us as well. Ignored, they
// would be so for the user's command.
func leaveSignalsToOwner() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
}

func inherited() []*os.File {
	var files []*os.File
	for _, fd := range []int{lockFD, stopFD, noticesFD} {
		syscall.CloseOnExec(fd)
		files = append(files, os.NewFile(uintptr(fd), "inherited"))
	}
	return files
}
