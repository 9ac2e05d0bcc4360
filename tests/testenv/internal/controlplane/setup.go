package controlplane

import "net"

const loopback = "127.0.0.1"

// Setup describes the addresses and the flags of an API server.
type Setup struct {
	Host      string   // the address in the kubeconfig
	Addresses []net.IP // further addresses in the certificate, besides loopback
	Flags     []string // of kube-apiserver
	// FixedAuthority is set if running programs would not accept a certificate of
	// a new authority.
	FixedAuthority bool
}

var loopbackSetup = Setup{
	Host: loopback,
	Flags: []string{
		"--bind-address=" + loopback,
		// The endpoint of the service "kubernetes" must not be a loopback address,
		// so the service has no endpoint.
		"--advertise-address=" + loopback,
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=10.0.0.0/24",
		// This plugin requires a default service account in each namespace, which
		// only a controller-manager creates.
		"--disable-admission-plugins=ServiceAccount",
	},
}
