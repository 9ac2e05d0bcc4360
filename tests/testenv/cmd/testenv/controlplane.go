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
	return sendForServer(dir, controlplane.StopServer, *server)
}

func startServer(args []string) error {
	flags := newFlags()
	newAuthority := flags.Bool("new-authority", false, "")
	server := flags.String("server", "", "")
	dir, err := parseDir(flags, args)
	if err != nil {
		return err
	}
	request := controlplane.StartServer
	if *newAuthority {
		request = controlplane.StartServerNewAuthority
	}
	return sendForServer(dir, request, *server)
}

// sendForServer sends a request for one API server, or for all if server is "".
func sendForServer(dir, request, server string) error {
	words := []string{request}
	if server != "" {
		words = append(words, server)
	}
	_, err := controlplane.Send(dir, words...)
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
	request := append([]string{controlplane.Disturb}, flags.Args()...)
	output, err := controlplane.Send(*dir, request...)
	fmt.Print(output)
	return err
}

func backUp(args []string) error {
	return sendRequest(args, controlplane.Backup)
}

func restore(args []string) error {
	return sendRequest(args, controlplane.Restore)
}

// sendRequest is for commands that take only --dir DIR.
func sendRequest(args []string, request string) error {
	dir, err := parseDir(newFlags(), args)
	if err != nil {
		return err
	}
	_, err = controlplane.Send(dir, request)
	return err
}

func compact(args []string) error {
	dir, err := parseDir(newFlags(), args)
	if err != nil {
		return err
	}
	return controlplane.Compact(dir)
}

// parseDir parses the arguments of a command that takes --dir DIR and other flags.
func parseDir(flags *flag.FlagSet, args []string) (string, error) {
	dir := flags.String("dir", "", "")
	if _, err := parse(flags, args); err != nil {
		return "", err
	}
	return *dir, required(flags, "dir")
}

// serversFlag returns 0 if the flag is not set: a single API server and no balancer.
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
			return errors.New("expected a port number")
		}
		*port = int(n)
		return nil
	})
	return port
}
