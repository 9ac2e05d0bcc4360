package controlplane

import "net"

const loopback = "127.0.0.1"

// A Place is where an API server is, and what it has to know there.
type Place struct {
	Host      string   // the address that it is known by
	Addresses []net.IP // the others, besides loopback
	Flags     []string // of kube-apiserver
	// OneAuthority: there are those who would not hear of a new one.
	OneAuthority bool
}

var loopbackPlace = Place{
	Host: loopback,
	Flags: []string{
		"--bind-address=" + loopback,
		// The endpoint of the service "kubernetes" may not be a loopback address,
		// so that service has none.
		"--advertise-address=" + loopback,
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=10.0.0.0/24",
		// It wants a default service account in each namespace, which only a
		// controller-manager makes.
		"--disable-admission-plugins=ServiceAccount",
	},
}
