package controlplane

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
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

// reservePort keeps the port from others until it is closed; a server may
// listen there all the same, as Go's do. Who connects to it is refused until
// then.
func reservePort(port int) (*os.File, error) {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(socket), "reserved port")
	err = unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err == nil {
		err = unix.Bind(socket, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("reserving port %d: %w", port, err)
	}
	return file, nil
}

func portTakenError(port int) error {
	return fmt.Errorf("port %d on %s is taken: choose another with --port, or leave it out for a free one", port, loopback)
}
