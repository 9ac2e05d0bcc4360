// Package balancer forwards TCP connections to several servers and disturbs
// them on request: it can pin, cut, freeze and delay connections.
//
// The balancer does not check the health of servers. If a server does not accept a
// connection, the balancer resets the client's connection.
package balancer

import (
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"
)

const loopback = "127.0.0.1"

// A Balancer listens on one or more ports of the loopback interface. Servers are
// numbered from 1.
type Balancer struct {
	servers []*server

	mu    sync.Mutex
	ports map[int]*port
}

// A port accepts clients. Each port chooses servers on its own, so a test can pin
// two clients to different servers.
type port struct {
	listener net.Listener
	pinned   int // the number of a server; 0 if the port uses all in turn
	last     int // the number of the server that was chosen last
}

// New listens on the port and forwards connections to the addresses in turn.
func New(number int, addresses []string) (*Balancer, error) {
	b := &Balancer{ports: map[int]*port{}}
	for _, address := range addresses {
		b.servers = append(b.servers, newServer(address))
	}
	_, err := b.open(number)
	return b, err
}

// Open listens on a further, free port and returns it.
func (b *Balancer) Open() (int, error) { return b.open(0) }

func (b *Balancer) open(number int) (int, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(number)))
	if err != nil {
		return 0, err
	}
	p := &port{listener: listener}
	number = listener.Addr().(*net.TCPAddr).Port
	b.mu.Lock()
	b.ports[number] = p
	b.mu.Unlock()
	go b.accept(p)
	return number, nil
}

// Close stops listening and closes all connections.
func (b *Balancer) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.ports {
		p.listener.Close()
	}
	for _, s := range b.servers {
		s.cut()
	}
}

// Pin sends new connections of a port to one server.
func (b *Balancer) Pin(port, server int) error {
	if _, err := b.server(server); err != nil {
		return err
	}
	return b.setPinned(port, server)
}

// Unpin ends Pin. New connections go to all servers in turn again.
func (b *Balancer) Unpin(port int) error { return b.setPinned(port, 0) }

func (b *Balancer) setPinned(port, server int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, ok := b.ports[port]
	if !ok {
		return fmt.Errorf("the balancer does not listen on port %d", port)
	}
	p.pinned = server
	return nil
}

// Cut resets all connections to a server.
func (b *Balancer) Cut(number int) error {
	return b.with(number, (*server).cut)
}

// Freeze stops forwarding to and from a server. Connections stay open, TCP
// acknowledges data, and the balancer accepts new connections. Data that either
// side sends after Freeze has returned does not arrive before Thaw.
func (b *Balancer) Freeze(number int) error {
	return b.with(number, func(s *server) { s.gate.close() })
}

// Thaw ends Freeze. The balancer forwards the held data in order.
func (b *Balancer) Thaw(number int) error {
	return b.with(number, func(s *server) { s.gate.open() })
}

// Delay makes the balancer forward all data to and from a server later by that
// duration. 0 ends the delay.
func (b *Balancer) Delay(number int, by time.Duration) error {
	if by < 0 {
		return fmt.Errorf("invalid delay %v: must not be negative", by)
	}
	return b.with(number, func(s *server) { s.delay.Store(int64(by)) })
}

// Avoid sends no new connections to a server, as a balancer does that checks the
// health of its servers. Connections of ports that are pinned to it still go there.
func (b *Balancer) Avoid(number int) error {
	return b.with(number, func(s *server) { s.avoided.Store(true) })
}

// Use ends Avoid.
func (b *Balancer) Use(number int) error {
	return b.with(number, func(s *server) { s.avoided.Store(false) })
}

// Describe returns how many connections a server has and how they are disturbed.
func (b *Balancer) Describe(number int) string {
	s, err := b.server(number)
	if err != nil {
		return err.Error()
	}
	return s.describe()
}

func (b *Balancer) with(number int, do func(*server)) error {
	s, err := b.server(number)
	if err == nil {
		do(s)
	}
	return err
}

func (b *Balancer) server(number int) (*server, error) {
	if number < 1 || number > len(b.servers) {
		return nil, fmt.Errorf("no server %d: expected a number from 1 to %d", number, len(b.servers))
	}
	return b.servers[number-1], nil
}

func (b *Balancer) accept(p *port) {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // the listener is closed
		}
		go b.choose(p).serve(client.(*net.TCPConn))
	}
}

// choose returns the server for the next connection of a port. If all servers are
// avoided, it chooses among all of them.
func (b *Balancer) choose(p *port) *server {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.pinned != 0 {
		return b.servers[p.pinned-1]
	}
	for range b.servers {
		p.last = p.last%len(b.servers) + 1
		if s := b.servers[p.last-1]; !s.avoided.Load() {
			return s
		}
	}
	p.last = p.last%len(b.servers) + 1
	return b.servers[p.last-1]
}
