package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/controlplane"
	"github.com/kubepeers/kubepeers/tests/testenv/internal/image"
	"github.com/kubepeers/kubepeers/tests/testenv/internal/node"
)

// runNode has the rest of `testenv run --node` done inside the node, and cleans
// up.
func runNode(dir string, args []string, notices <-chan node.Notice) error {
	claim, err := controlplane.NewClaim(dir)
	if err != nil {
		os.Remove(dir)
		return err
	}
	if err := claim.MakeCgroup(); err != nil {
		return errors.Join(err, claim.Release())
	}
	status, err := node.Enter(claim, notices, args)
	if err := errors.Join(err, claim.Release()); err != nil {
		return err
	}
	return exitStatus(status)
}

// inside is the part that the insider does, whose end is the end of all.
func inside(args []string) error {
	if len(args) == 0 {
		return errors.New("not for people: see `testenv run --node`")
	}
	claim, notices := node.Inside(args[0])
	o, err := parseRun(args[1:])
	if err != nil {
		return err
	}
	var n *node.Node
	started := make(chan error, 1)
	go func() {
		var err error
		n, err = node.Start(claim, o.port, o.images)
		started <- err
	}()
	select {
	case s := <-notices:
		return exitStatus(128 + int(s.Signal))
	case err = <-started:
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "testenv run: %v\n", err)
		return exitStatus(1)
	}
	cmd, err := runCommand(o, n.ControlPlane)
	if err != nil {
		return err
	}
	// A proxy is nothing for a network that nobody else is in.
	cmd.Env = append(cmd.Env, "NO_PROXY=*", "no_proxy=*")
	return attend(cmd, n, notices)
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
