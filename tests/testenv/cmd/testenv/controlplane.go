package main

import (
	"errors"
	"flag"
	"fmt"
	"strconv"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/controlplane"
)

func up(args []string) error {
	flags := newFlags()
	port := portFlag(flags)
	servers := serversFlag(flags)
	dir, err := parseDir(flags, args)
	if err != nil {
		return err
	}
	kubeconfig, err := controlplane.Up(dir, *port, *servers)
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
	flags := newFlags()
	server := flags.String("server", "", "")
	dir, err := parseDir(flags, args)
	if err != nil {
		return err
	}
	return tell(dir, controlplane.StopServer, *server)
}

func startServer(args []string) error {
	flags := newFlags()
	renewed := flags.Bool("new-authority", false, "")
	server := flags.String("server", "", "")
	dir, err := parseDir(flags, args)
	if err != nil {
		return err
	}
	order := controlplane.StartServer
	if *renewed {
		order = controlplane.StartRenewedServer
	}
	return tell(dir, order, *server)
}

// tell gives an order for one API server, or for all if server is empty.
func tell(dir, order, server string) error {
	words := []string{order}
	if server != "" {
		words = append(words, server)
	}
	_, err := controlplane.Tell(dir, words...)
	return err
}

func disturb(args []string) error {
	flags := newFlags()
	dir := flags.String("dir", "", "")
	if err := parseFlags(flags, args); err != nil {
		return err
	}
	if err := required(flags, "dir"); err != nil {
		return err
	}
	answer, err := controlplane.Tell(*dir, append([]string{controlplane.Disturb}, flags.Args()...)...)
	fmt.Print(answer)
	return err
}

func backUp(args []string) error {
	return tellAll(args, controlplane.Backup)
}

func restore(args []string) error {
	return tellAll(args, controlplane.Restore)
}

// tellAll is for orders that take nothing but --dir DIR.
func tellAll(args []string, order string) error {
	dir, err := parseDir(newFlags(), args)
	if err != nil {
		return err
	}
	return tell(dir, order, "")
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

// serversFlag is 0 if the flag is not set: one API server, and no rig.
func serversFlag(flags *flag.FlagSet) *int {
	servers := new(int)
	flags.Func("servers", "", func(text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > controlplane.MaxServers {
			return fmt.Errorf("expected a number from 1 to %d", controlplane.MaxServers)
		}
		*servers = n
		return nil
	})
	return servers
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
