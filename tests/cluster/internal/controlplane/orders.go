package controlplane

import (
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"syscall"
)

// An Order is what an owner can be told to do.
type Order string

const (
	StopServer  Order = "stop the API server"
	StartServer Order = "start the API server"
	// StartRenewedServer is StartServer, with a certificate of a new authority.
	StartRenewedServer Order = "start the API server as of a new authority"
)

func (o Order) carryOut(c *ControlPlane) error {
	switch o {
	case StopServer:
		c.stopServer()
		return nil
	case StartServer:
		return c.startServerAgain(false)
	case StartRenewedServer:
		return c.startServerAgain(true)
	default:
		return fmt.Errorf("no such order: %q", o)
	}
}

// orderDone is the answer to an order; any other is why it failed.
const orderDone = "done"

// Tell has the owner of dir carry out the order, and returns when it has.
func Tell(dir string, o Order) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	conn, err := dial(dir, orderSocket)
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("no cluster is running in %s", dir)
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, string(o)); err != nil {
		return err
	}
	if err := conn.(*net.UnixConn).CloseWrite(); err != nil {
		return err
	}
	answer, err := io.ReadAll(conn)
	switch {
	case err != nil:
		return err
	case len(answer) == 0:
		return fmt.Errorf("the cluster in %s ended while it was to %s", dir, o)
	case string(answer) != orderDone:
		return errors.New(string(answer))
	}
	return nil
}

// takeOrders has Wait hear of what others Tell.
func (c *ControlPlane) takeOrders() error {
	listener, err := listen(c.claim.folder.dir, orderSocket)
	if err != nil {
		return err
	}
	orders := make(chan net.Conn)
	c.orders = orders
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			orders <- conn
		}
	}()
	return nil
}

// obey carries out one order.
func (c *ControlPlane) obey(conn net.Conn) {
	defer conn.Close()
	text, err := io.ReadAll(conn)
	if err == nil {
		err = Order(text).carryOut(c)
	}
	answer := orderDone
	if err != nil {
		answer = err.Error()
	}
	io.WriteString(conn, answer)
}
