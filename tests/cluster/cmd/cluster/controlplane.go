package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kubepeers/kubepeers/tests/cluster/internal/controlplane"
)

func up(args []string) error {
	flags := newFlags()
	port := portFlag(flags)
	dir, err := parseDir(flags, args)
	if err != nil {
		return err
	}
	kubeconfig, err := controlplane.Up(dir, *port)
	if err != nil {
		return err
	}
	fmt.Println(kubeconfig)
	return nil
}

func down(args []string) error {
	dir, err := parseDir(newFlags(), args)
	if err != nil {
		return err
	}
	return controlplane.Down(dir)
}

func stopServer(args []string) error {
	dir, err := parseDir(newFlags(), args)
	if err != nil {
		return err
	}
	return controlplane.Tell(dir, controlplane.StopServer)
}

func startServer(args []string) error {
	flags := newFlags()
	renewed := flags.Bool("new-authority", false, "")
	dir, err := parseDir(flags, args)
	if err != nil {
		return err
	}
	order := controlplane.StartServer
	if *renewed {
		order = controlplane.StartRenewedServer
	}
	return controlplane.Tell(dir, order)
}

func compact(args []string) error {
	dir, err := parseDir(newFlags(), args)
	if err != nil {
		return err
	}
	return controlplane.Compact(dir)
}

// parseDir is for the commands that take --dir DIR.
func parseDir(flags *flag.FlagSet, args []string) (string, error) {
	dir := flags.String("dir", "", "")
	if _, err := parse(flags, args); err != nil {
		return "", err
	}
	return *dir, required(flags, "dir")
}

func portFlag(flags *flag.FlagSet) *int {
	port := new(int)
	flags.Func("port", "", func(text string) error {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return errors.New("not a port number")
		}
		*port = int(n)
		return nil
	})
	return port
}

func run(args []string) error {
	flags := newFlags()
	port := portFlag(flags)
	if err := parseFlags(flags, args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return usageErrorf("no command given")
	}
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	// From here on, so that a signal finds either nothing begun or somebody who
	// handles it.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	dir, err := os.MkdirTemp("", "kubepeers-cluster-")
	if err != nil {
		return err
	}
	c, err := controlplane.Start(dir, *port)
	if err != nil {
		os.Remove(dir)
		return err
	}
	defer c.Stop()

	cmd := exec.Command(flags.Arg(0), flags.Args()[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(),
		"KUBECONFIG="+c.Kubeconfig(),
		"KUBERNETES_SERVICE_HOST="+c.Host(),
		"KUBERNETES_SERVICE_PORT="+strconv.Itoa(c.Port),
		"CLUSTER_TOOL="+executable,
	)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return attend(cmd, c, signals)
}

// attend runs the command to its end. It passes signals on, and does not let
// the command wait for a cluster that has died.
func attend(cmd *exec.Cmd, c *controlplane.ControlPlane, signals <-chan os.Signal) error {
	select {
	case s := <-signals: // while the cluster started
		return exitStatus(128 + int(s.(syscall.Signal)))
	default:
	}
	if err := controlplane.StartMortal(cmd); err != nil {
		fmt.Fprintf(os.Stderr, "cluster run: %v\n", err)
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
	go func() { died <- c.Wait() }()

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
		case s := <-signals:
			if s != syscall.SIGINT || !inForeground() {
				cmd.Process.Signal(s)
			}
		case death = <-died:
			if death == nil {
				death = errors.New("somebody took the cluster down")
			}
			fmt.Fprintf(os.Stderr, "cluster run: %v\n", death)
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
