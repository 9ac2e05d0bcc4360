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

// Requests that an owner handles. Arguments follow in the same list.
const (
	StopServer  = "stop-server"  // [N]
	StartServer = "start-server" // [N]
	// StartServerNewAuthority also replaces the certificate authority.
	StartServerNewAuthority = "start-server-new-authority"
	// Disturb is followed by the name of a disturbance and its arguments.
	Disturb = "disturb"
	Backup  = "backup"
	Restore = "restore"
)

func (c *ControlPlane) handle(request []string) (output string, err error) {
	if len(request) == 0 {
		return "", errors.New("the request is empty")
	}
	name, args := request[0], request[1:]
	switch name {
	case Disturb:
		return c.disturb(args)
	case Backup:
		return "", c.backUp()
	case Restore:
		return "", c.restore()
	}
	servers, err := c.selectServers(args)
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
		return "", c.restartServers(servers, false)
	case StartServerNewAuthority:
		return "", c.restartServers(servers, true)
	default:
		return "", fmt.Errorf("unknown request %q", name)
	}
}

// A response is the owner's reply to a request.
type response struct {
	Output string
	Error  string // empty on success
}

// Send sends a request to the owner of dir and returns its output.
func Send(dir string, request ...string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	conn, err := dial(dir, requestSocket)
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) {
		return "", fmt.Errorf("no cluster is running in %s", dir)
	}
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := json.NewEncoder(conn).Encode(request); err != nil {
		return "", err
	}
	var r response
	err = json.NewDecoder(conn).Decode(&r)
	switch {
	case errors.Is(err, io.EOF):
		return "", fmt.Errorf("the cluster in %s ended during the request %q", dir, request)
	case err != nil:
		return "", err
	case r.Error != "":
		return "", errors.New(r.Error)
	}
	return r.Output, nil
}

// listenForRequests makes Wait receive the requests of Send.
func (c *ControlPlane) listenForRequests() error {
	listener, err := listen(c.workDir.Dir(), requestSocket)
	if err != nil {
		return err
	}
	requests := make(chan net.Conn)
	c.requests = requests
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			requests <- conn
		}
	}()
	return nil
}

// serveRequest handles one request.
func (c *ControlPlane) serveRequest(conn net.Conn) {
	defer conn.Close()
	var request []string
	var r response
	err := json.NewDecoder(conn).Decode(&request)
	if err == nil {
		r.Output, err = c.handle(request)
	}
	if err != nil {
		r.Error = err.Error()
	}
	json.NewEncoder(conn).Encode(r)
}
