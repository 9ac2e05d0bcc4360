package controlplane

import (
	"errors"
	"strconv"
)

var errServerRuns = errors.New("the API server runs (to stop it: cluster stop-server)")

var errOneAuthority = errors.New("the programs of a node know the authority that they began with: start the API server without a new one")

func (c *ControlPlane) startServer() error {
	var err error
	c.server, err = c.startProgram("kube-apiserver", append([]string{
		"--etcd-servers=unix://" + etcdSocket,
		"--secure-port=" + strconv.Itoa(c.Port),
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
	return c.await(c.server, c.identity.probe(c.url()))
}

// stopServer kills the API server, as a crash would. What is left of its
// connections keeps the port from being given away for a minute.
func (c *ControlPlane) stopServer() {
	c.server.Kill()
	c.server = nil
}

// startServerAgain is for one that was stopped. Who knew it by its authority
// does not know it any more if that is new.
func (c *ControlPlane) startServerAgain(newAuthority bool) error {
	if c.server != nil {
		return errServerRuns
	}
	if newAuthority && c.place.OneAuthority {
		return errOneAuthority
	}
	if newAuthority {
		if err := c.identity.certify(c.claim.folder, c.place.Addresses); err != nil {
			return err
		}
		if err := c.identity.writeKubeconfig(c.claim.folder, c.url()); err != nil {
			return err
		}
	}
	return c.startServer()
}
