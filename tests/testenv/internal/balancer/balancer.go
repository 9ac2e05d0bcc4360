// Package balancer forwards TCP connections to several servers and disturbs
// them on request: it can pin, cut, freeze and delay connections.
//
// Like most balancers it does not know whether a server works. If a server does
// not accept a connection, the balancer resets the client's connection.
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

// A port is where clients connect. Each port has its own choice of servers, so
// that a test can have one client here and another there.
type port struct {
	listener net.Listener
	pinned   int // the number of a server; 0 if the port uses all in turn
	turn     int // the number of the server that was chosen last
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

// Open listens on one more port, which is free, and returns it.
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

// Pin sends new connections of a port to one server. Number 0 ends that.
func (b *Balancer) Pin(number, to int) error {
	if to != 0 {
		if _, err := b.server(to); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p, ok := b.ports[number]
	if !ok {
		return fmt.Errorf("the balancer does not listen on port %d", number)
	}
	p.pinned = to
	return nil
}

// Cut resets all connections to a server.
func (b *Balancer) Cut(number int) error {
	return b.with(number, (*server).cut)
}

// Freeze stops forwarding to and from a server. Connections stay open, TCP
// acknowledges what it receives, and new connections are accepted. Nothing that
// either side sends after Freeze has returned arrives before Thaw.
func (b *Balancer) Freeze(number int) error {
	return b.with(number, func(s *server) { s.gate.close() })
}

// Thaw ends Freeze. What was held back is forwarded in order.
func (b *Balancer) Thaw(number int) error {
	return b.with(number, func(s *server) { s.gate.open() })
}

// Delay forwards everything to and from a server that much later. 0 ends that.
func (b *Balancer) Delay(number int, by time.Duration) error {
	if by < 0 {
		return fmt.Errorf("a delay must not be negative, but is %v", by)
	}
	return b.with(number, func(s *server) { s.delay.Store(int64(by)) })
}

// Avoid excludes a server from new connections of ports that are not pinned, as
// a balancer does that checks its servers.
func (b *Balancer) Avoid(number int, avoid bool) error {
	return b.with(number, func(s *server) { s.avoided.Store(avoid) })
}

// Describe says how many connections a server has, and what disturbs them.
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
		return nil, fmt.Errorf("no server %d: servers are numbered from 1 to %d", number, len(b.servers))
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

// choose returns the server for the next connection of a port. If all are to be
// avoided, it chooses among all.
func (b *Balancer) choose(p *port) *server {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.pinned != 0 {
		return b.servers[p.pinned-1]
	}
	for range b.servers {
		p.turn = p.turn%len(b.servers) + 1
		if s := b.servers[p.turn-1]; !s.avoided.Load() {
			return s
		}
	}
	p.turn = p.turn%len(b.servers) + 1
	return b.servers[p.turn-1]
}
