// Package controlplane runs a Kubernetes control plane (etcd and kube-apiserver,
// nothing else) and removes all traces of it, however it ends. On the loopback
// interface it needs no root. Package node runs one on another network.
//
// A control plane consists of these processes:
//
//   - The owner is `testenv run`, or the background supervisor of `testenv up`. It
//     starts the other processes, holds the lock of the directory and cleans up.
//   - etcd and kube-apiserver. The kernel kills them when the owner dies. They
//     inherit the lock, so the lock is free only when all of them are gone. The
//     owner stops and starts kube-apiserver on request.
//   - The reaper sleeps until the owner is gone (the end of a pipe), waits for the
//     lock, and removes the directory if the owner could not.
//
// No process is identified by a pid in a file, so none can be mistaken for another.
// The lock shows whether a control plane is running. A FIFO in the directory stops
// it. A socket receives requests about kube-apiserver.
//
// A control plane can have several API servers. Then its owner also runs a
// balancer in front of them and proxies between them and etcd (multiserver.go).
package controlplane

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/process"
)

const (
	// limit prevents hangs. It is generous because machines that run tests are
	// busy.
	limit = 2 * time.Minute

	portTries = 5
)

// ControlPlane is a running control plane, owned by this process.
type ControlPlane struct {
	// Port is the port that clients connect to. The API server or the balancer
	// listens there.
	Port int

	workDir  *WorkDir
	setup    Setup
	programs programs
	identity *identity
	etcd     *process.Process
	servers  []*server
	multi    *multiServer          // nil if there is a single API server
	exits    chan *process.Process // of API servers, including those that were stopped
	requests <-chan net.Conn
}

// Start starts a control plane with its files in dir, and returns when it is ready.
// Port 0 selects a free port. On failure no process and no directory is left.
func Start(dir string, port int) (*ControlPlane, error) {
	workDir, err := prepare(dir, port)
	if err != nil {
		return nil, err
	}
	return StartIn(workDir, loopbackSetup, port)
}

// prepare creates the directory after it has checked everything else.
func prepare(dir string, port int) (*WorkDir, error) {
	if err := CheckPrograms(); err != nil {
		return nil, err
	}
	if port != 0 {
		if err := checkPort(port); err != nil {
			return nil, err
		}
	}
	return NewWorkDir(dir)
}

func newControlPlane(workDir *WorkDir, setup Setup) *ControlPlane {
	return &ControlPlane{workDir: workDir, setup: setup, exits: make(chan *process.Process)}
}

// StartIn is Start with a directory that exists, and any setup.
func StartIn(workDir *WorkDir, setup Setup, port int) (*ControlPlane, error) {
	return newControlPlane(workDir, setup).startOrStop(port)
}

// startOrStop starts all components. If that fails, it stops them again.
func (c *ControlPlane) startOrStop(port int) (*ControlPlane, error) {
	if err := c.start(port); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

// Host returns the address of the API server.
func (c *ControlPlane) Host() string { return c.setup.Host }

// Dir returns the path of the directory.
func (c *ControlPlane) Dir() string { return c.workDir.Dir() }

// Kubeconfig returns the path of the administrator's kubeconfig file.
func (c *ControlPlane) Kubeconfig() string { return c.workDir.Path(kubeconfigFile) }

// Wait handles requests until the control plane ends. It returns nil if Down
// requested the end, and an error if a component exited. Call it once.
func (c *ControlPlane) Wait() error {
	stop := c.workDir.locked.stopRequested()
	for {
		select {
		case <-stop:
			return nil
		case <-c.etcd.Exited():
			return c.etcd.ExitError()
		case p := <-c.exits:
			if c.isRunningServer(p) {
				return p.ExitError()
			}
		case <-c.workDir.ReaperExited():
			return c.workDir.reaper.ExitError()
		case conn := <-c.requests:
			c.serveRequest(conn)
		}
	}
}

// Stop ends the control plane and removes its directory.
func (c *ControlPlane) Stop() {
	c.killComponents()
	c.workDir.Release()
}

func (c *ControlPlane) start(port int) error {
	var err error
	if c.programs, err = findPrograms(); err != nil {
		return err
	}
	if c.identity, err = newIdentity(c.workDir.locked, c.setup.Addresses); err != nil {
		return err
	}
	if err := c.startOn(port); err != nil {
		return err
	}
	if err := c.writeKubeconfig(kubeconfigFile, c.Port); err != nil {
		return err
	}
	return c.listenForRequests()
}

// startOn starts the components, with the API server on the port.
func (c *ControlPlane) startOn(port int) error {
	var err error
	for try := 1; ; try++ {
		c.Port = port
		if port == 0 {
			if c.Port, err = freePort(); err != nil {
				return err
			}
		}
		err = c.startComponents()
		if !isPortTaken(err) {
			return err
		}
		// Another process has taken the port since it was found free.
		if port != 0 {
			return portTakenError(port)
		}
		if try == portTries {
			return err
		}
		c.killComponents()
	}
}

func (c *ControlPlane) killComponents() {
	c.multi.close()
	for _, s := range c.servers {
		c.stopServer(s)
	}
	c.etcd.Kill()
}

func (c *ControlPlane) url(port int) string {
	return "https://" + net.JoinHostPort(c.setup.Host, strconv.Itoa(port))
}

func (c *ControlPlane) writeKubeconfig(name string, port int) error {
	return c.identity.writeKubeconfig(c.workDir.locked, name, c.url(port))
}

func (c *ControlPlane) startComponents() error {
	if err := os.RemoveAll(c.workDir.Path(etcdDir)); err != nil {
		return err
	}
	if err := c.startEtcd(); err != nil {
		return err
	}
	if c.multi != nil {
		return c.startMultiServer()
	}
	c.servers = []*server{{name: "kube-apiserver", port: c.Port, etcd: etcdSocket}}
	return c.startServers(c.servers)
}

func (c *ControlPlane) startEtcd() error {
	// etcd listens on sockets in the directory. No process can take a port before
	// etcd does, and no other API server can connect to it by mistake. The names are
	// relative, because the path of a socket may have at most 107 bytes. Elections
	// are quick, because there is no other member to wait for.
	var err error
	c.etcd, err = c.startProgram("etcd", "etcd",
		"--data-dir="+etcdDir,
		"--unsafe-no-fsync",
		"--heartbeat-interval=20",
		"--election-timeout=100",
		"--listen-client-urls=unix://"+etcdSocket,
		"--advertise-client-urls=unix://"+etcdSocket,
		"--listen-peer-urls=unix://"+etcdPeerSocket,
		"--enable-grpc-gateway=false", // that of etcd 3.5.9 does not work with sockets
	)
	if err != nil {
		return err
	}
	// An API server that finds no etcd waits a second before it retries.
	return c.await(c.etcd, c.workDir.locked.dialEtcd)
}

// startProgram starts a program. The name is that of its log.
func (c *ControlPlane) startProgram(
	name, program string, args ...string,
) (*process.Process, error) {
	return c.workDir.Start(name, c.programs.command(program, args...)...)
}

// await calls check until it succeeds, the limit is reached, or etcd or p exits.
func (c *ControlPlane) await(p *process.Process, check func() error) error {
	timeout := time.After(limit)
	for {
		err := check()
		select {
		case <-c.etcd.Exited():
			return c.etcd.ExitError()
		case <-p.Exited():
			return p.ExitError()
		case <-timeout:
			return fmt.Errorf("%s was not ready after %v: %v%s", p.Name, limit, err, p.LogTail())
		default:
		}
		if err == nil {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
}
