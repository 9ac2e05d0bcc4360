package controlplane

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/process"
)

var errServerRuns = errors.New("the API server runs (to stop it: testenv stop-server)")

var errOneAuthority = errors.New("the programs of a node know the authority that they began with: start the API server without a new one")

var errRigAuthority = errors.New("the API servers of a rig share one authority: start them without a new one")

// A server is one of the API servers of a control plane.
type server struct {
	name    string // of its log
	port    int
	etcd    string           // the socket in the folder at which it finds etcd
	process *process.Process // nil while it is stopped
}

// startServers starts API servers together, and returns when all can be used.
func (c *ControlPlane) startServers(servers []*server) error {
	for _, s := range servers {
		if err := c.launch(s); err != nil {
			return err
		}
	}
	for _, s := range servers {
		if err := c.await(s.process, c.identity.probe(c.url(s.port))); err != nil {
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
	}, c.place.Flags...)...)
	if err != nil {
		return err
	}
	go func(p *process.Process) {
		<-p.Ended()
		c.deaths <- p
	}(s.process)
	return nil
}

// needs reports whether the process is an API server that was not stopped.
func (c *ControlPlane) needs(p *process.Process) bool {
	for _, s := range c.servers {
		if s.process == p {
			return true
		}
	}
	return false
}

// stopServer kills the API server, as a crash would. What is left of its
// connections keeps the port from being given away for a minute.
func (c *ControlPlane) stopServer(s *server) {
	s.process.Kill()
	s.process = nil
}

// startAgain starts those of the API servers that are stopped. Clients that know
// them by their authority do not know them any more if that is new.
func (c *ControlPlane) startAgain(servers []*server, newAuthority bool) error {
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
		if err := c.renewAuthority(); err != nil {
			return err
		}
	}
	return c.startServers(stopped)
}

func (c *ControlPlane) renewAuthority() error {
	if c.place.OneAuthority {
		return errOneAuthority
	}
	if c.rig != nil {
		return errRigAuthority
	}
	if err := c.identity.certify(c.claim.folder, c.place.Addresses); err != nil {
		return err
	}
	return c.identity.writeKubeconfig(c.claim.folder, kubeconfigFile, c.url(c.Port))
}

// choose returns the API servers that an order is for: the one of that number,
// or all if there is none.
func (c *ControlPlane) choose(args []string) ([]*server, error) {
	if len(args) == 0 {
		return c.servers, nil
	}
	number, err := parseServer(args[0])
	if err != nil {
		return nil, err
	}
	if number > len(c.servers) {
		return nil, fmt.Errorf("no server %d: servers are numbered from 1 to %d", number, len(c.servers))
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
