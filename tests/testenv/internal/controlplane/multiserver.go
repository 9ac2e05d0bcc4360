package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/kubepeers/kubepeers/tests/testenv/internal/balancer"
	"github.com/kubepeers/kubepeers/tests/testenv/internal/etcdproxy"
)

// multiServer is what surrounds several API servers on one etcd: a balancer that
// clients connect to, and a proxy to etcd for each API server. Tests disturb both.
type multiServer struct {
	size        int // the number of API servers
	balancer    *balancer.Balancer
	etcdProxies []*etcdproxy.Proxy
}

// MaxServers limits the number of API servers. Each needs about 270 MB.
const MaxServers = 9

// StartMultiServer is Start with several API servers behind a balancer, which
// listens on the port.
func StartMultiServer(dir string, port, servers int) (*ControlPlane, error) {
	if servers < 1 || servers > MaxServers {
		return nil, fmt.Errorf("%d servers: expected 1 to %d", servers, MaxServers)
	}
	workDir, err := prepare(dir, port)
	if err != nil {
		return nil, err
	}
	c := newControlPlane(workDir, loopbackSetup)
	c.multi = &multiServer{size: servers}
	return c.startOrStop(port)
}

// startMultiServer starts several API servers, their proxies and the balancer.
func (c *ControlPlane) startMultiServer() error {
	c.servers = nil
	var addresses []string
	for number := 1; number <= c.multi.size; number++ {
		s := &server{
			name: fmt.Sprintf("kube-apiserver-%d", number),
			etcd: fmt.Sprintf("etcd-%d.sock", number),
		}
		var err error
		if s.port, err = freePort(); err != nil {
			return err
		}
		if err := c.startEtcdProxy(s.etcd); err != nil {
			return err
		}
		if err := c.writeKubeconfig(ServerKubeconfig(number), s.port); err != nil {
			return err
		}
		c.servers = append(c.servers, s)
		addresses = append(addresses, net.JoinHostPort(loopback, strconv.Itoa(s.port)))
	}
	var err error
	if c.multi.balancer, err = balancer.New(c.Port, addresses); err != nil {
		return err
	}
	return c.startServers(c.servers)
}

// ServerKubeconfig returns the name of the kubeconfig file that connects to one
// API server directly, not through the balancer.
func ServerKubeconfig(number int) string { return fmt.Sprintf("server-%d.kubeconfig", number) }

func (c *ControlPlane) startEtcdProxy(socket string) error {
	listener, err := listen(c.workDir.Dir(), socket)
	if err != nil {
		return err
	}
	proxy, err := etcdproxy.Start(listener, func(context.Context) (net.Conn, error) {
		return dial(c.workDir.Dir(), etcdSocket)
	})
	if err != nil {
		listener.Close()
		return err
	}
	c.multi.etcdProxies = append(c.multi.etcdProxies, proxy)
	return nil
}

// close stops the balancer and the proxies. It may be called on nil.
func (m *multiServer) close() {
	if m == nil {
		return
	}
	if m.balancer != nil {
		m.balancer.Close()
	}
	for _, proxy := range m.etcdProxies {
		proxy.Stop()
	}
	m.balancer, m.etcdProxies = nil, nil
}

// A disturbance changes how the balancer or a proxy forwards. Its parameters are
// listed in params.
type disturbance struct {
	params string
	run    func(c *ControlPlane, args []string) (output string, err error)
}

var disturbances = map[string]disturbance{
	"status":   {"", (*ControlPlane).status},
	"open":     {"", (*ControlPlane).openPort},
	"pin":      {"PORT N", (*ControlPlane).pin},
	"unpin":    {"PORT", (*ControlPlane).unpin},
	"cut":      {"N", onBalancer((*balancer.Balancer).Cut)},
	"freeze":   {"N", onBalancer((*balancer.Balancer).Freeze)},
	"thaw":     {"N", onBalancer((*balancer.Balancer).Thaw)},
	"delay":    {"N DURATION", (*ControlPlane).delay},
	"avoid":    {"N", onBalancer((*balancer.Balancer).Avoid)},
	"use":      {"N", onBalancer((*balancer.Balancer).Use)},
	"lag":      {"N", onEtcdProxy((*etcdproxy.Proxy).Lag)},
	"catch-up": {"N", onEtcdProxy((*etcdproxy.Proxy).CatchUp)},
}

// disturb handles a Disturb request. Its arguments are the name of a disturbance
// and the arguments of that.
func (c *ControlPlane) disturb(request []string) (string, error) {
	if c.multi == nil {
		return "", errors.New("the cluster has no balancer: start it with --servers")
	}
	if len(request) == 0 {
		request = []string{""}
	}
	name, args := request[0], request[1:]
	d, ok := disturbances[name]
	if !ok {
		return "", fmt.Errorf("no disturbance %q: testenv help lists them", name)
	}
	if len(args) != len(strings.Fields(d.params)) {
		usage := strings.TrimSpace(name + " " + d.params)
		return "", fmt.Errorf("wrong number of arguments: expected %s", usage)
	}
	return d.run(c, args)
}

func onBalancer(
	run func(*balancer.Balancer, int) error,
) func(*ControlPlane, []string) (string, error) {
	return func(c *ControlPlane, args []string) (string, error) {
		number, err := parseServer(args[0])
		if err != nil {
			return "", err
		}
		return "", run(c.multi.balancer, number)
	}
}

func onEtcdProxy(run func(*etcdproxy.Proxy)) func(*ControlPlane, []string) (string, error) {
	return func(c *ControlPlane, args []string) (string, error) {
		if _, err := c.selectServers(args); err != nil {
			return "", err
		}
		number, err := parseServer(args[0])
		if err == nil {
			run(c.multi.etcdProxies[number-1])
		}
		return "", err
	}
}

func (c *ControlPlane) status([]string) (string, error) {
	var text strings.Builder
	for i, s := range c.servers {
		state := "running"
		if s.process == nil {
			state = "stopped"
		}
		fmt.Fprintf(&text, "%d %s %s", i+1, state, c.multi.balancer.Describe(i+1))
		if c.multi.etcdProxies[i].Lags() {
			text.WriteString(" lags")
		}
		text.WriteString("\n")
	}
	return text.String(), nil
}

func (c *ControlPlane) openPort([]string) (string, error) {
	port, err := c.multi.balancer.Open()
	return fmt.Sprintln(port), err
}

func (c *ControlPlane) pin(args []string) (string, error) {
	port, err := parsePort(args[0])
	if err != nil {
		return "", err
	}
	number, err := parseServer(args[1])
	if err != nil {
		return "", err
	}
	return "", c.multi.balancer.Pin(port, number)
}

func (c *ControlPlane) unpin(args []string) (string, error) {
	port, err := parsePort(args[0])
	if err != nil {
		return "", err
	}
	return "", c.multi.balancer.Unpin(port)
}

func parsePort(text string) (int, error) {
	port, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a port number", text)
	}
	return port, nil
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
	return "", c.multi.balancer.Delay(number, by)
}
