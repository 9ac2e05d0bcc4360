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

// This executable runs itself with these subcommands. The main function must call
// Supervise and Reap for them.
const (
	SuperviseCommand = "supervise"
	ReapCommand      = "reap"
)

const (
	reportReady = "ready"
	reportFD    = 3
)

// Up starts a control plane in the background, under a supervisor, and returns when
// it is ready. If servers is 0, it has a single API server and no balancer.
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
	cmd, err := selfCommand(SuperviseCommand, dir, strconv.Itoa(port), strconv.Itoa(servers))
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
		return "", fmt.Errorf("starting the cluster: the supervisor exited (%v)", cmd.ProcessState)
	}
	return "", errors.New(string(text))
}

// Supervise is the main function of the supervisor. It starts the control plane,
// reports to Up and handles requests. It stops the control plane when Down requests
// it or a component exits.
func Supervise(args []string) error {
	if len(args) != 3 {
		return errors.New("internal command: run testenv up instead")
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
	// This fails if the caller of Up is gone. Then no process would call Down.
	if _, err := report.WriteString(reportReady); err != nil {
		return err
	}
	report.Close()
	return c.Wait()
}

// StartNew starts a control plane with a single API server if servers is 0, or with
// several behind a balancer.
func StartNew(dir string, port, servers int) (*ControlPlane, error) {
	if servers != 0 {
		return StartMultiServer(dir, port, servers)
	}
	return Start(dir, port)
}

// startReaper returns the reaper and the writing end of a pipe. The reaper wakes
// when that end is closed.
func startReaper(d *lockedDir) (*process.Process, *os.File, error) {
	reading, writing, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer reading.Close()
	cmd, err := selfCommand(ReapCommand, d.dir)
	if err != nil {
		return nil, nil, err
	}
	cmd.Stdin = reading
	cmd.ExtraFiles = []*os.File{d.stop}
	p, err := process.Start("the reaper", cmd, "")
	return p, writing, err
}

// Reap is the main function of the reaper. It removes the directory if its owner
// was killed.
func Reap(args []string) error {
	if len(args) != 1 {
		return errors.New("internal command: run testenv up instead")
	}
	dir := args[0]
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	// The reaper opens the lock file while the owner lives. So it is the owner's
	// file, even if another process creates a new one later.
	lock, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	io.Copy(io.Discard, os.Stdin)
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	if !isCurrent(lock, dir) {
		return nil
	}
	return (&lockedDir{dir: dir, lock: lock}).remove()
}

// selfCommand returns a command that runs this executable, detached from the
// terminal and the working directory of the caller.
func selfCommand(args ...string) (*exec.Cmd, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(executable, args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, nil
}
