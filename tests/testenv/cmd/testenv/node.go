package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/controlplane"
	"github.com/kubepeers/kubepeers/tests/testenv/internal/image"
	"github.com/kubepeers/kubepeers/tests/testenv/internal/node"
)

// runNode is the part of `testenv run --node` outside of the node's namespaces. It
// runs the rest inside, and cleans up.
func runNode(dir string, args []string, signals <-chan node.Signal) error {
	workDir, err := controlplane.NewWorkDir(dir)
	if err != nil {
		os.Remove(dir)
		return err
	}
	if err := workDir.MakeCgroup(); err != nil {
		return errors.Join(err, workDir.Release())
	}
	status, err := node.Enter(workDir, signals, args)
	if err := errors.Join(err, workDir.Release()); err != nil {
		return err
	}
	return exitStatus(status)
}

// inner is the main function of the inner process. All programs of the node end when
// it returns.
func inner(args []string) error {
	if len(args) == 0 {
		return errors.New("internal command: use testenv run --node instead")
	}
	workDir, signals := node.Inner(args[0])
	o, err := parseRun(args[1:])
	if err != nil {
		return err
	}
	var n *node.Node
	started := make(chan error, 1)
	go func() {
		var err error
		n, err = node.Start(workDir, o.port, o.images)
		started <- err
	}()
	select {
	case s := <-signals:
		return exitStatus(128 + int(s.Number))
	case err = <-started:
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "testenv run: %v\n", err)
		return exitStatus(1)
	}
	cmd, err := newCommand(o, n.ControlPlane)
	if err != nil {
		return err
	}
	// A proxy of the machine cannot be reached from the node's network.
	cmd.Env = append(cmd.Env, "NO_PROXY=*", "no_proxy=*")
	return runCommand(cmd, n, signals)
}

func writeImage(args []string) error {
	flags := newFlags()
	name := flags.String("name", "", "")
	operands, err := parse(flags, args, "PROGRAM", "ARCHIVE")
	if err != nil {
		return err
	}
	if err := required(flags, "name"); err != nil {
		return err
	}
	return image.Write(operands[1], *name, operands[0])
}
