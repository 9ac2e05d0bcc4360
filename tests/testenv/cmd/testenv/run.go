package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/controlplane"
	"github.com/kubepeers/kubepeers/tests/testenv/internal/node"
	"github.com/kubepeers/kubepeers/tests/testenv/internal/process"
)

// runOptions are the arguments of `testenv run`.
type runOptions struct {
	port    int
	servers int
	dir     string
	node    bool
	images  []string
	command []string
}

func parseRun(args []string) (*runOptions, error) {
	o := &runOptions{}
	flags := newFlags()
	port := portFlag(flags)
	servers := serversFlag(flags)
	flags.StringVar(&o.dir, "dir", "", "")
	flags.BoolVar(&o.node, "node", false, "")
	flags.Func("image", "", func(archive string) error {
		o.images = append(o.images, archive)
		return nil
	})
	if err := parseFlags(flags, args); err != nil {
		return nil, err
	}
	o.port, o.servers, o.command = *port, *servers, flags.Args()
	if len(o.command) == 0 {
		return nil, usageErrorf("CMD is missing")
	}
	if len(o.images) > 0 && !o.node {
		return nil, usageErrorf("--image requires --node")
	}
	if o.servers != 0 && o.node {
		return nil, usageErrorf("--servers and --node cannot be combined")
	}
	return o, nil
}

func run(args []string) error {
	o, err := parseRun(args)
	if err != nil {
		return err
	}
	// Signals are caught before anything is started, so that a signal cannot end this
	// process while it has something to clean up.
	signals := catchSignals()
	if o.node {
		if err := node.Check(); err != nil {
			return err
		}
	}
	dir := o.dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "testenv-"); err != nil {
			return err
		}
	}
	if o.node {
		return runNode(dir, args, signals)
	}
	c, err := controlplane.StartNew(dir, o.port, o.servers)
	if err != nil {
		os.Remove(dir)
		return err
	}
	defer c.Stop()
	select {
	case s := <-signals: // received during the start
		return exitStatus(128 + int(s.Number))
	default:
	}
	cmd, err := newCommand(o, c)
	if err != nil {
		return err
	}
	return runCommand(cmd, c, signals)
}

// catchSignals returns the signals to forward to the user's command.
func catchSignals() <-chan node.Signal {
	caught := make(chan os.Signal, 8)
	signal.Notify(caught, syscall.SIGINT, syscall.SIGTERM)
	signals := make(chan node.Signal, 8)
	go func() {
		for s := range caught {
			fromTerminal := s == syscall.SIGINT && inForeground()
			signals <- node.Signal{Number: s.(syscall.Signal), FromTerminal: fromTerminal}
		}
	}()
	return signals
}

// newCommand returns the user's command with the variables that describe the cluster.
func newCommand(o *runOptions, c *controlplane.ControlPlane) (*exec.Cmd, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(o.command[0], o.command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(),
		"KUBECONFIG="+c.Kubeconfig(),
		"KUBERNETES_SERVICE_HOST="+c.Host(),
		"KUBERNETES_SERVICE_PORT="+strconv.Itoa(c.Port),
		"TESTENV="+executable,
		"TESTENV_DIR="+c.Dir(),
	)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd, nil
}

// runCommand runs the user's command and returns its exit status. It forwards signals.
// If the cluster ends first, it terminates the command.
func runCommand(
	cmd *exec.Cmd, cluster interface{ Wait() error }, signals <-chan node.Signal,
) error {
	if err := process.StartCommand(cmd); err != nil {
		fmt.Fprintf(os.Stderr, "testenv run: %v\n", err)
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
			return exitStatus(127)
		}
		return exitStatus(126)
	}
	exited := make(chan struct{})
	go func() {
		cmd.Wait()
		close(exited)
	}()
	clusterEnded := make(chan error, 1)
	go func() { clusterEnded <- cluster.Wait() }()

	var clusterErr error
	var killTimeout <-chan time.Time
	for {
		select {
		case <-exited:
			status := shellStatus(cmd.ProcessState)
			if clusterErr != nil && status == 0 {
				status = 1
			}
			return exitStatus(status)
		case s := <-signals:
			if !s.FromTerminal {
				cmd.Process.Signal(s.Number)
			}
		case clusterErr = <-clusterEnded:
			if clusterErr == nil {
				clusterErr = errors.New("testenv down stopped the cluster")
			}
			fmt.Fprintf(os.Stderr, "testenv run: %v\n", clusterErr)
			cmd.Process.Signal(syscall.SIGTERM)
			killTimeout = time.After(10 * time.Second)
		case <-killTimeout:
			cmd.Process.Kill()
		}
	}
}

// shellStatus returns the exit status in the form that shells use.
func shellStatus(state *os.ProcessState) int {
	if status := state.Sys().(syscall.WaitStatus); status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// inForeground reports whether the terminal sends Ctrl-C to this process group. Then
// the user's command has received it as well.
func inForeground() bool {
	terminal, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer terminal.Close()
	group, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
	return err == nil && group == syscall.Getpgrp()
}
