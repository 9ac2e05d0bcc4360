package node

import (
	"fmt"
	"net"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const bridge = "pods"

// setUpNetwork creates the network interfaces of the node: loopback, and the bridge
// that connects pods.
func setUpNetwork() error {
	loopback, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(loopback)
	}
	if err != nil {
		return fmt.Errorf("setting up the node's loopback interface: %w", err)
	}
	link := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: bridge}}
	if err := netlink.LinkAdd(link); err != nil {
		return fmt.Errorf("creating a bridge for the pods: %w", err)
	}
	for address, network := range map[string]string{address4: pods4, address6: pods6} {
		if err := addAddress(link, address, network); err != nil {
			return fmt.Errorf("adding the address %s to the bridge: %w", address, err)
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return err
	}
	if err := addRoutes(link); err != nil {
		return err
	}
	// By default the kernel sends one ICMP error per second to a pod. Without the
	// limit, every DNS query of a pod is refused at once, not only the first.
	return os.WriteFile("/proc/sys/net/ipv4/icmp_ratelimit", []byte("0"), 0o644)
}

// addAddress adds the address without duplicate address detection, which would not
// end while no pod is on the bridge.
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

// addRoutes adds routes to the addresses of services. The kernel requires a route
// before kube-proxy's rules redirect a packet.
func addRoutes(link netlink.Link) error {
	for _, network := range []string{services4, services6} {
		_, subnet, err := net.ParseCIDR(network)
		if err != nil {
			return err
		}
		route := &netlink.Route{Dst: subnet, LinkIndex: link.Attrs().Index}
		if err := netlink.RouteAdd(route); err != nil {
			return fmt.Errorf("adding a route to the services %s: %w", network, err)
		}
	}
	return nil
}
