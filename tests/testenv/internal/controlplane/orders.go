package controlplane

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"syscall"
)

// The orders that an owner carries out. Arguments follow in the same list.
const (
	StopServer  = "stop-server"  // [N]
	StartServer = "start-server" // [N]
	// StartRenewedServer is StartServer with a certificate of a new authority.
	StartRenewedServer = "start-renewed-server"
)

func (c *ControlPlane) carryOut(order []string) (answer string, err error) {
	if len(order) == 0 {
		return "", errors.New("an order without words")
	}
	name, args := order[0], order[1:]
	switch name {
	case Disturb:
		return c.disturb(args)
	case Backup:
		return "", c.backUp()
	case Restore:
		return "", c.restore()
	}
	servers, err := c.choose(args)
	if err != nil {
		return "", err
	}
	switch name {
	case StopServer:
		for _, s := range servers {
			c.stopServer(s)
		}
		return "", nil
	case StartServer:
		return "", c.startAgain(servers, false)
	case StartRenewedServer:
		return "", c.startAgain(servers, true)
	default:
		return "", fmt.Errorf("no such order: %q", name)
	}
}

// An answer is what the owner says to an order.
type answer struct {
	Text  string
	Error string // empty if the order was carried out
}

// Tell has the owner of dir carry out the order, and returns its answer.
func Tell(dir string, order ...string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	conn, err := dial(dir, orderSocket)
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) {
		return "", fmt.Errorf("no cluster is running in %s", dir)
	}
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := json.NewEncoder(conn).Encode(order); err != nil {
		return "", err
	}
	var got answer
	err = json.NewDecoder(conn).Decode(&got)
	switch {
	case errors.Is(err, io.EOF):
		return "", fmt.Errorf("the cluster in %s ended during the order %q", dir, order)
	case err != nil:
		return "", err
	case got.Error != "":
		return "", errors.New(got.Error)
	}
	return got.Text, nil
}

// takeOrders makes Wait receive the orders of Tell.
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
	var order []string
	var reply answer
	err := json.NewDecoder(conn).Decode(&order)
	if err == nil {
		reply.Text, err = c.carryOut(order)
	}
	if err != nil {
		reply.Error = err.Error()
	}
	json.NewEncoder(conn).Encode(reply)
}
