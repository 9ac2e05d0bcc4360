package controlplane

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/process"
)

var (
	errServerRuns     = errors.New("the API server is running: run testenv stop-server first")
	errFixedAuthority = errors.New(
		"cannot change the certificate authority: a node's programs trust only the first one")
	errSharedAuthority = errors.New(
		"cannot change the certificate authority: several API servers share one authority")
)

// A server is one of the API servers of a control plane.
type server struct {
	name    string // of its log
	port    int
	etcd    string           // name of the socket that it reaches etcd by
	process *process.Process // nil while it is stopped
}

// startServers starts API servers in parallel and returns when all are ready.
func (c *ControlPlane) startServers(servers []*server) error {
	for _, s := range servers {
		if err := c.launch(s); err != nil {
			return err
		}
	}
	for _, s := range servers {
		if err := c.await(s.process, c.identity.readyCheck(c.url(s.port))); err != nil {
			return err
		}
	}
	return nil
}

func (c *ControlPlane) launch(s *server) error {
	var err error
	s.process, err = c.startProgram(s.name, "kube-apiserver", append([]string{
		"--etcd-servers=unix://" + s.etcd,
		"--secure-port=" + strconv.Itoa(s.port),
		"--tls-cert-file=" + servingCertificateFile,
		"--tls-private-key-file=" + servingKeyFile,
		"--service-account-key-file=" + AccountKeyFile,
		"--service-account-signing-key-file=" + AccountKeyFile,
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--authorization-mode=Node,RBAC",
		"--token-auth-file=" + tokenFile,
	}, c.setup.Flags...)...)
	if err != nil {
		return err
	}
	go func(p *process.Process) {
		<-p.Exited()
		c.exits <- p
	}(s.process)
	return nil
}

// isRunningServer reports whether p is an API server that was not stopped.
func (c *ControlPlane) isRunningServer(p *process.Process) bool {
	for _, s := range c.servers {
		if s.process == p {
			return true
		}
	}
	return false
}

// stopServer kills the API server, as a crash would. Its connections in TIME_WAIT
// keep other processes from getting the port for a minute.
func (c *ControlPlane) stopServer(s *server) {
	s.process.Kill()
	s.process = nil
}

// restartServers starts those of the API servers that are stopped. Clients that
// trust the old authority reject the servers if newAuthority is set.
func (c *ControlPlane) restartServers(servers []*server, newAuthority bool) error {
	var stopped []*server
	for _, s := range servers {
		if s.process == nil {
			stopped = append(stopped, s)
		}
	}
	if len(stopped) == 0 {
		return errServerRuns
	}
	if newAuthority {
		if err := c.replaceAuthority(); err != nil {
			return err
		}
	}
	return c.startServers(stopped)
}

func (c *ControlPlane) replaceAuthority() error {
	if c.setup.FixedAuthority {
		return errFixedAuthority
	}
	if c.multi != nil {
		return errSharedAuthority
	}
	err := c.identity.issueCertificates(c.workDir.locked, c.setup.Addresses)
	if err != nil {
		return err
	}
	return c.writeKubeconfig(kubeconfigFile, c.Port)
}

// selectServers returns the API servers that a request is for: the one with the
// number in args, or all if args is empty.
func (c *ControlPlane) selectServers(args []string) ([]*server, error) {
	if len(args) == 0 {
		return c.servers, nil
	}
	number, err := parseServer(args[0])
	if err != nil {
		return nil, err
	}
	if number > len(c.servers) {
		return nil, fmt.Errorf("no server %d: expected a number from 1 to %d", number, len(c.servers))
	}
	return c.servers[number-1 : number], nil
}

func parseServer(text string) (int, error) {
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 {
		return 0, fmt.Errorf("%q is not the number of a server: expected 1 or more", text)
	}
	return number, nil
}
