package main

import (
	"errors"
	"flag"
	"fmt"
	"strconv"

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
