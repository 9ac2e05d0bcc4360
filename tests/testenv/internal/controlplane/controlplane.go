// Package controlplane runs a Kubernetes control plane (etcd and
// kube-apiserver, nothing else), and leaves nothing behind however it ends. On
// the loopback interface that takes no root; package node has another place.
//
// The processes of one control plane, and what each is for:
//
//   - the owner: `testenv run`, or the background supervisor of `testenv up`.
//     It starts the others, holds the lock of the folder, and cleans up.
//   - etcd and kube-apiserver. The kernel kills them when the owner dies; they
//     inherit the lock, so it is free only when all of them are gone. The
//     owner stops and starts kube-apiserver when it is told to.
//   - the reaper. It sleeps until the owner is gone (the end of a pipe), waits
//     for the lock, and removes the folder if the owner could not.
//
// No process is ever found by a number in a file, so none can be mistaken for
// another: the lock tells whether a control plane lives, a FIFO in the folder
// tells it to stop, and a socket takes orders about kube-apiserver.
//
// A rig has several kube-apiservers. Its owner also is the balancer before them
// and the proxies between them and etcd (see rig.go).
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
	// limit bounds what would otherwise hang. It is no expectation: machines
	// that run tests are busy.
	limit = 2 * time.Minute

	portTries = 5
)

// ControlPlane is a running control plane, owned by this process.
type ControlPlane struct {
	// Port is where clients connect: the API server's, or the balancer's.
	Port int

	claim    *Claim
	place    Place
	programs programs
	identity *identity
	etcd     *process.Process
	servers  []*server
	rig      *rig                  // nil if there is one API server alone
	deaths   chan *process.Process // of API servers, including those that were stopped
	orders   <-chan net.Conn
}

// Start starts a control plane that keeps its files in dir, and returns when it
// can be used. Port 0 means any free port. On failure nothing is left: neither
// a process nor dir.
func Start(dir string, port int) (*ControlPlane, error) {
	claim, err := prepare(dir, port)
	if err != nil {
		return nil, err
	}
	return StartAt(loopbackPlace, claim, port)
}

// prepare claims the folder after all that can be checked before.
func prepare(dir string, port int) (*Claim, error) {
	if err := CheckPrograms(); err != nil {
		return nil, err
	}
	if port != 0 {
		if err := checkPort(port); err != nil {
			return nil, err
		}
	}
	return NewClaim(dir)
}

func newControlPlane(place Place, claim *Claim) *ControlPlane {
	return &ControlPlane{claim: claim, place: place, deaths: make(chan *process.Process)}
}

// StartAt is Start for a place other than loopback, and a folder that is ours.
func StartAt(place Place, claim *Claim, port int) (*ControlPlane, error) {
	return newControlPlane(place, claim).started(port)
}

// started starts all components, or stops what it has started.
func (c *ControlPlane) started(port int) (*ControlPlane, error) {
	if err := c.start(port); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

// Host is the address that the API server is known by.
func (c *ControlPlane) Host() string { return c.place.Host }

// Dir is the path of the folder.
func (c *ControlPlane) Dir() string { return c.claim.Dir() }

// Kubeconfig is the path of the administrator's kubeconfig file.
func (c *ControlPlane) Kubeconfig() string { return c.claim.folder.path(kubeconfigFile) }

// Wait carries out orders until somebody asks the control plane to stop (nil),
// or a part of it ends by itself (which, and why). Call it once.
func (c *ControlPlane) Wait() error {
	stop := c.claim.folder.stopAsked()
	for {
		select {
		case <-stop:
			return nil
		case <-c.etcd.Ended():
			return c.etcd.Death()
		case p := <-c.deaths:
			if c.needs(p) {
				return p.Death()
			}
		case <-c.claim.Lost():
			return c.claim.reaper.Death()
		case conn := <-c.orders:
			c.obey(conn)
		}
	}
}

// Stop ends the control plane and removes its folder.
func (c *ControlPlane) Stop() {
	c.killComponents()
	c.claim.Release()
}

func (c *ControlPlane) start(port int) error {
	var err error
	if c.programs, err = findPrograms(); err != nil {
		return err
	}
	if c.identity, err = newIdentity(c.claim.folder, c.place.Addresses); err != nil {
		return err
	}
	if err := c.startOn(port); err != nil {
		return err
	}
	if err := c.identity.writeKubeconfig(c.claim.folder, kubeconfigFile, c.url(c.Port)); err != nil {
		return err
	}
	return c.takeOrders()
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
		if !portTaken(err) {
			return err
		}
		// Somebody took the port after it was found free.
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
	c.rig.close()
	for _, s := range c.servers {
		c.stopServer(s)
	}
	c.etcd.Kill()
}

func (c *ControlPlane) url(port int) string {
	return "https://" + net.JoinHostPort(c.place.Host, strconv.Itoa(port))
}

func (c *ControlPlane) startComponents() error {
	if err := os.RemoveAll(c.claim.folder.path(etcdFolder)); err != nil {
		return err
	}
	if err := c.startEtcd(); err != nil {
		return err
	}
	if c.rig != nil {
		return c.startRig()
	}
	c.servers = []*server{{name: "kube-apiserver", port: c.Port, etcd: etcdSocket}}
	return c.startServers(c.servers)
}

func (c *ControlPlane) startEtcd() error {
	// etcd listens on sockets in the folder: no ports to race for, and nobody
	// else's API server can come upon it. Their names are relative, for the path
	// of a socket may not exceed 107 bytes. There is no other member to wait
	// for, so elections may be quick.
	var err error
	c.etcd, err = c.startProgram("etcd", "etcd",
		"--data-dir="+etcdFolder,
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
	// Started at once, the API server would find no etcd, and wait a second
	// before it tries again.
	return c.await(c.etcd, c.claim.folder.dialEtcd)
}

// startProgram starts a program under a name, which its log has.
func (c *ControlPlane) startProgram(name, program string, args ...string) (*process.Process, error) {
	return c.claim.Start(name, c.programs.command(program, args...)...)
}

// await calls check until it succeeds, the time is up, or a component dies.
func (c *ControlPlane) await(p *process.Process, check func() error) error {
	timeout := time.After(limit)
	for {
		err := check()
		select {
		case <-c.etcd.Ended():
			return c.etcd.Death()
		case <-p.Ended():
			return p.Death()
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
