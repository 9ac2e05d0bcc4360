package controlplane

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/process"
)

// This executable runs itself with these subcommands; it must then call
// Supervise and Reap.
const (
	SuperviseCommand = "supervise"
	ReapCommand      = "reap"
)

const (
	reportReady = "ready"
	reportFD    = 3
)

// Up starts a control plane that lives on in the background, under a
// supervisor. It returns when the control plane can be used. With servers other
// than 0 it is a rig.
func Up(dir string, port, servers int) (kubeconfig string, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	report, reportEnd, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer report.Close()
	cmd, err := self(SuperviseCommand, dir, strconv.Itoa(port), strconv.Itoa(servers))
	if err != nil {
		return "", err
	}
	cmd.ExtraFiles = []*os.File{reportEnd}
	err = cmd.Start()
	reportEnd.Close()
	if err != nil {
		return "", fmt.Errorf("starting the supervisor: %w", err)
	}
	text, err := io.ReadAll(report)
	if err != nil {
		return "", err
	}
	if string(text) == reportReady {
		return filepath.Join(dir, kubeconfigFile), nil
	}
	cmd.Wait()
	if len(text) == 0 {
		return "", fmt.Errorf("the supervisor ended while it started the cluster (%v)", cmd.ProcessState)
	}
	return "", errors.New(string(text))
}

// Supervise is what the supervisor does: start the control plane, report, carry
// out orders, and stop it when Down asks or a part of it dies.
func Supervise(args []string) error {
	if len(args) != 3 {
		return errors.New("not for users: see `testenv up`")
	}
	port, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	servers, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	syscall.CloseOnExec(reportFD)
	report := os.NewFile(reportFD, "report")
	c, err := StartNew(args[0], port, servers)
	if err != nil {
		report.WriteString(err.Error())
		return nil
	}
	defer c.Stop()
	// It fails if the caller of Up is gone, and then nobody will stop us.
	if _, err := report.WriteString(reportReady); err != nil {
		return err
	}
	report.Close()
	return c.Wait()
}

// StartNew starts a control plane, which is a rig if servers is not 0.
func StartNew(dir string, port, servers int) (*ControlPlane, error) {
	if servers != 0 {
		return StartRig(dir, port, servers)
	}
	return Start(dir, port)
}

// startReaper returns the reaper and the pipe that tells it that we live.
func startReaper(f *folder) (*process.Process, *os.File, error) {
	end, life, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer end.Close()
	cmd, err := self(ReapCommand, f.dir)
	if err != nil {
		return nil, nil, err
	}
	cmd.Stdin = end
	cmd.ExtraFiles = []*os.File{f.stop}
	p, err := process.Start("the reaper", cmd, "")
	return p, life, err
}

// Reap is what the reaper does: remove the folder if its owner was killed.
func Reap(args []string) error {
	if len(args) != 1 {
		return errors.New("not for people: see `testenv up`")
	}
	dir := args[0]
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	// Opened before the owner can be gone: it is the owner's, whoever may have
	// made another one there when we get it.
	lock, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	io.Copy(io.Discard, os.Stdin)
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	if !isAt(lock, dir) {
		return nil
	}
	return (&folder{dir: dir, lock: lock}).remove()
}

// self is this executable, detached from the terminal and from the folder of
// the caller.
func self(args ...string) (*exec.Cmd, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(executable, args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, nil
}
