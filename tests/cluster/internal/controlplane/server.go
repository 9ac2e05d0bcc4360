package controlplane

import (
	"errors"
	"strconv"
)

var errServerRuns = errors.New("the API server runs (to stop it: cluster stop-server)")

func (c *ControlPlane) startServer() error {
	var err error
	c.server, err = startProgram(c.folder, c.programs, "kube-apiserver",
		"--etcd-servers=unix://"+etcdSocket,
		"--bind-address="+loopback,
		"--secure-port="+strconv.Itoa(c.Port),
		// The endpoint of the service "kubernetes" may not be a loopback address,
		// so that service has none.
		"--advertise-address="+loopback,
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=10.0.0.0/24",
		"--tls-cert-file="+servingCertificateFile,
		"--tls-private-key-file="+servingKeyFile,
		"--service-account-key-file="+accountKeyFile,
		"--service-account-signing-key-file="+accountKeyFile,
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--authorization-mode=Node,RBAC",
		"--token-auth-file="+tokenFile,
		// It wants a default service account in each namespace, which only a
		// controller-manager makes.
		"--disable-admission-plugins=ServiceAccount",
	)
	if err != nil {
		return err
	}
	return c.await(c.server, c.identity.probe(c.url()))
}

// stopServer kills the API server, as a crash would. What is left of its
// connections keeps the port from being given away for a minute.
func (c *ControlPlane) stopServer() {
	c.server.kill()
	c.server = nil
}

// startServerAgain is for one that was stopped. Who knew it by its authority
// does not know it any more if that is new.
func (c *ControlPlane) startServerAgain(newAuthority bool) error {
	if c.server != nil {
		return errServerRuns
	}
	if newAuthority {
		if err := c.identity.certify(c.folder); err != nil {
			return err
		}
		if err := c.identity.writeKubeconfig(c.folder, c.url()); err != nil {
			return err
		}
	}
	return c.startServer()
}
