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

// runOptions are what `testenv run` is told.
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
		return nil, usageErrorf("no command given")
	}
	if len(o.images) > 0 && !o.node {
		return nil, usageErrorf("--image is for --node: without one no image is ever used")
	}
	if o.servers != 0 && o.node {
		return nil, usageErrorf("--servers and --node exclude each other: a rig has no nodes")
	}
	return o, nil
}

func run(args []string) error {
	o, err := parseRun(args)
	if err != nil {
		return err
	}
	// From here on, so that a signal finds either nothing begun or somebody who
	// handles it.
	notices := notices()
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
		return runNode(dir, args, notices)
	}
	c, err := controlplane.StartNew(dir, o.port, o.servers)
	if err != nil {
		os.Remove(dir)
		return err
	}
	defer c.Stop()
	select {
	case n := <-notices: // while the cluster started
		return exitStatus(128 + int(n.Signal))
	default:
	}
	cmd, err := runCommand(o, c)
	if err != nil {
		return err
	}
	return attend(cmd, c, notices)
}

// notices are the signals that are for the command.
func notices() <-chan node.Notice {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	notices := make(chan node.Notice, 8)
	go func() {
		for s := range signals {
			notices <- node.Notice{Signal: s.(syscall.Signal), Everybody: s == syscall.SIGINT && inForeground()}
		}
	}()
	return notices
}

// runCommand is the command, told of the cluster.
func runCommand(o *runOptions, c *controlplane.ControlPlane) (*exec.Cmd, error) {
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

// attend runs the command to its end. It passes signals on, and does not let
// the command wait for a cluster that has died.
func attend(cmd *exec.Cmd, cluster interface{ Wait() error }, notices <-chan node.Notice) error {
	if err := process.StartMortal(cmd); err != nil {
		fmt.Fprintf(os.Stderr, "testenv run: %v\n", err)
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
			return exitStatus(127)
		}
		return exitStatus(126)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	died := make(chan error, 1)
	go func() { died <- cluster.Wait() }()

	var death error
	var patience <-chan time.Time
	for {
		select {
		case <-ended:
			status := exitCode(cmd.ProcessState)
			if death != nil && status == 0 {
				status = 1
			}
			return exitStatus(status)
		case n := <-notices:
			if !n.Everybody {
				cmd.Process.Signal(n.Signal)
			}
		case death = <-died:
			if death == nil {
				death = errors.New("somebody took the testenv down")
			}
			fmt.Fprintf(os.Stderr, "testenv run: %v\n", death)
			cmd.Process.Signal(syscall.SIGTERM)
			patience = time.After(10 * time.Second)
		case <-patience:
			cmd.Process.Kill()
		}
	}
}

// exitCode is what a shell would give.
func exitCode(state *os.ProcessState) int {
	if status := state.Sys().(syscall.WaitStatus); status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// inForeground tells whether the terminal has sent its Ctrl-C to the command as
// well, so that it need not be passed on.
func inForeground() bool {
	terminal, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer terminal.Close()
	group, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
	return err == nil && group == syscall.Getpgrp()
}
