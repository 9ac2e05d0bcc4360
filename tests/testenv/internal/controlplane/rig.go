package controlplane

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/balancer"
	"github.com/kubepeers/kubepeers/tests/testenv/internal/etcdproxy"
)

// A rig is several API servers on one etcd, with what can disturb them: a
// balancer that clients connect to, and a proxy to etcd for each API server.
type rig struct {
	size     int // the number of API servers
	balancer *balancer.Balancer
	proxies  []*etcdproxy.Proxy
}

// MaxServers bounds a rig: each API server takes about 270 MB.
const MaxServers = 9

// StartRig is Start with that many API servers behind a balancer, which listens
// on the port.
func StartRig(dir string, port, servers int) (*ControlPlane, error) {
	if servers < 1 || servers > MaxServers {
		return nil, fmt.Errorf("%d servers: expected 1 to %d", servers, MaxServers)
	}
	claim, err := prepare(dir, port)
	if err != nil {
		return nil, err
	}
	c := newControlPlane(loopbackPlace, claim)
	c.rig = &rig{size: servers}
	return c.started(port)
}

// startRig starts the API servers of a rig, and what is around them.
func (c *ControlPlane) startRig() error {
	c.servers = nil
	var addresses []string
	for number := 1; number <= c.rig.size; number++ {
		s := &server{name: fmt.Sprintf("kube-apiserver-%d", number), etcd: fmt.Sprintf("etcd-%d.sock", number)}
		var err error
		if s.port, err = freePort(); err != nil {
			return err
		}
		if err := c.startProxy(s.etcd); err != nil {
			return err
		}
		if err := c.identity.writeKubeconfig(c.claim.folder, ServerKubeconfig(number), c.url(s.port)); err != nil {
			return err
		}
		c.servers = append(c.servers, s)
		addresses = append(addresses, net.JoinHostPort(loopback, strconv.Itoa(s.port)))
	}
	var err error
	if c.rig.balancer, err = balancer.New(c.Port, addresses); err != nil {
		return err
	}
	return c.startServers(c.servers)
}

// ServerKubeconfig is the name of the kubeconfig file for one API server of a
// rig, past the balancer.
func ServerKubeconfig(number int) string { return fmt.Sprintf("server-%d.kubeconfig", number) }

func (c *ControlPlane) startProxy(socket string) error {
	listener, err := listen(c.claim.folder.dir, socket)
	if err != nil {
		return err
	}
	proxy, err := etcdproxy.Start(listener, func(context.Context) (net.Conn, error) {
		return dial(c.claim.folder.dir, etcdSocket)
	})
	if err != nil {
		listener.Close()
		return err
	}
	c.rig.proxies = append(c.rig.proxies, proxy)
	return nil
}

// close ends what is around the API servers. It may be called on nil.
func (r *rig) close() {
	if r == nil {
		return
	}
	if r.balancer != nil {
		r.balancer.Close()
	}
	for _, proxy := range r.proxies {
		proxy.Stop()
	}
	r.balancer, r.proxies = nil, nil
}

// A disturbance is an order to a rig. Its arguments are named in usage.
type disturbance struct {
	usage string
	do    func(c *ControlPlane, args []string) (answer string, err error)
}

var disturbances = map[string]disturbance{
	"status":   {"", func(c *ControlPlane, _ []string) (string, error) { return c.status(), nil }},
	"open":     {"", (*ControlPlane).openPort},
	"pin":      {"PORT N", (*ControlPlane).pin},
	"unpin":    {"PORT", (*ControlPlane).pin},
	"cut":      {"N", onServer((*balancer.Balancer).Cut)},
	"freeze":   {"N", onServer((*balancer.Balancer).Freeze)},
	"thaw":     {"N", onServer((*balancer.Balancer).Thaw)},
	"delay":    {"N DURATION", (*ControlPlane).delay},
	"avoid":    {"N", onServer(func(b *balancer.Balancer, n int) error { return b.Avoid(n, true) })},
	"use":      {"N", onServer(func(b *balancer.Balancer, n int) error { return b.Avoid(n, false) })},
	"lag":      {"N", onProxy((*etcdproxy.Proxy).Lag)},
	"catch-up": {"N", onProxy((*etcdproxy.Proxy).CatchUp)},
}

// Disturb is the order that carries out a disturbance: its name, then its
// arguments.
const Disturb = "disturb"

func (c *ControlPlane) disturb(words []string) (string, error) {
	if c.rig == nil {
		return "", fmt.Errorf("the cluster has no balancer: start it with --servers")
	}
	if len(words) == 0 {
		words = []string{""}
	}
	name, args := words[0], words[1:]
	d, ok := disturbances[name]
	if !ok {
		return "", fmt.Errorf("no disturbance %q (testenv help lists them)", name)
	}
	if len(args) != len(strings.Fields(d.usage)) {
		return "", fmt.Errorf("wrong arguments: expected %s", strings.TrimSpace(name+" "+d.usage))
	}
	return d.do(c, args)
}

func onServer(do func(*balancer.Balancer, int) error) func(*ControlPlane, []string) (string, error) {
	return func(c *ControlPlane, args []string) (string, error) {
		number, err := parseServer(args[0])
		if err != nil {
			return "", err
		}
		return "", do(c.rig.balancer, number)
	}
}

func onProxy(do func(*etcdproxy.Proxy)) func(*ControlPlane, []string) (string, error) {
	return func(c *ControlPlane, args []string) (string, error) {
		if _, err := c.choose(args); err != nil {
			return "", err
		}
		number, err := parseServer(args[0])
		if err == nil {
			do(c.rig.proxies[number-1])
		}
		return "", err
	}
}

func (c *ControlPlane) status() string {
	var text strings.Builder
	for i, s := range c.servers {
		state := "running"
		if s.process == nil {
			state = "stopped"
		}
		fmt.Fprintf(&text, "%d %s %s", i+1, state, c.rig.balancer.Describe(i+1))
		if c.rig.proxies[i].Lags() {
			text.WriteString(" lags")
		}
		text.WriteString("\n")
	}
	return text.String()
}

func (c *ControlPlane) openPort([]string) (string, error) {
	port, err := c.rig.balancer.Open()
	return fmt.Sprintln(port), err
}

// pin without a server ends that.
func (c *ControlPlane) pin(args []string) (string, error) {
	port, err := strconv.Atoi(args[0])
	if err != nil {
		return "", fmt.Errorf("%q is not a port number", args[0])
	}
	to := 0
	if len(args) > 1 {
		if to, err = parseServer(args[1]); err != nil {
			return "", err
		}
	}
	return "", c.rig.balancer.Pin(port, to)
}

func (c *ControlPlane) delay(args []string) (string, error) {
	number, err := parseServer(args[0])
	if err != nil {
		return "", err
	}
	by, err := time.ParseDuration(args[1])
	if err != nil {
		return "", fmt.Errorf("%q is not a duration: expected one such as 200ms or 2s", args[1])
	}
	return "", c.rig.balancer.Delay(number, by)
}
