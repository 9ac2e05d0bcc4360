package controlplane

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/process"
)

// freePort is a port that was free a moment ago.
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

// portTaken reports whether a component or the balancer found its port taken.
func portTaken(err error) bool {
	var death *process.DeathError
	return errors.As(err, &death) && death.PortTaken() || errors.Is(err, syscall.EADDRINUSE)
}

func portTakenError(port int) error {
	return fmt.Errorf("port %d on %s is taken: choose another with --port, or leave it out for a free one", port, loopback)
}
