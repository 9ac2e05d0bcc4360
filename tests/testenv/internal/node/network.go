package node

import (
	"fmt"
	"net"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const bridge = "pods"

// privateNetwork makes the interfaces of the node: loopback, and the bridge to
// which the pods will be connected.
func privateNetwork() error {
	loopback, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(loopback)
	}
	if err != nil {
		return fmt.Errorf("the node's loopback interface: %w", err)
	}
	link := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: bridge}}
	if err := netlink.LinkAdd(link); err != nil {
		return fmt.Errorf("making a bridge for the pods: %w", err)
	}
	for address, network := range map[string]string{address4: pods4, address6: pods6} {
		if err := addAddress(link, address, network); err != nil {
			return fmt.Errorf("giving the bridge the address %s: %w", address, err)
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return err
	}
	if err := addRoutes(link); err != nil {
		return err
	}
	// So that all are refused who ask for names, not only the first of a second.
	return os.WriteFile("/proc/sys/net/ipv4/icmp_ratelimit", []byte("0"), 0o644)
}

// addAddress has nobody asked whether the address is free: as long as there is
// no pod on the bridge, that would not end.
func addAddress(link netlink.Link, address, network string) error {
	_, subnet, err := net.ParseCIDR(network)
	if err != nil {
		return err
	}
	return netlink.AddrAdd(link, &netlink.Addr{
		IPNet: &net.IPNet{IP: net.ParseIP(address), Mask: subnet.Mask},
		Flags: unix.IFA_F_NODAD,
	})
}

// addRoutes: the kernel looks for a way to a service before kube-proxy's rules
// send the packet elsewhere.
func addRoutes(link netlink.Link) error {
	for _, network := range []string{services4, services6} {
		_, subnet, err := net.ParseCIDR(network)
		if err != nil {
			return err
		}
		if err := netlink.RouteAdd(&netlink.Route{Dst: subnet, LinkIndex: link.Attrs().Index}); err != nil {
			return fmt.Errorf("making a route to the services %s: %w", network, err)
		}
	}
	return nil
}
