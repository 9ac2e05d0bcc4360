package controlplane

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/process"
)

// freePort returns a port that was free when it looked. Another process may take it.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func checkPort(port int) error {
	listener, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return portTakenError(port)
	}
	if err != nil {
		return err
	}
	return listener.Close()
}

// isPortTaken reports whether a component or the balancer found its port taken.
func isPortTaken(err error) bool {
	var exit *process.ExitError
	return errors.As(err, &exit) && exit.PortTaken() || errors.Is(err, syscall.EADDRINUSE)
}

func portTakenError(port int) error {
	return fmt.Errorf("port %d on %s is taken: "+
		"choose another one, or omit --port to use a free one", port, loopback)
}
