package balancer

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A server is a destination of connections.
type server struct {
	address string
	gate    *gate
	delay   atomic.Int64 // a time.Duration
	avoided atomic.Bool

	mu    sync.Mutex
	links map[*link]struct{}
}

func newServer(address string) *server {
	return &server{address: address, gate: newGate(), links: map[*link]struct{}{}}
}

// serve forwards one connection until it ends.
func (s *server) serve(client *net.TCPConn) {
	l := &link{server: s, client: client, ended: make(chan struct{})}
	s.add(l)
	defer s.remove(l)
	if !s.gate.wait(l.ended) {
		return
	}
	upstream, err := net.Dial("tcp", s.address)
	if err != nil {
		l.reset()
		return
	}
	if !l.join(upstream.(*net.TCPConn)) {
		return
	}
	l.run()
}

func (s *server) add(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.links[l] = struct{}{}
}

func (s *server) remove(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.links, l)
}

// cut resets all connections.
func (s *server) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.links {
		l.reset()
	}
}

func (s *server) describe() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := fmt.Sprintf("connections=%d", len(s.links))
	if s.gate.isClosed() {
		text += " frozen"
	}
	if delay := time.Duration(s.delay.Load()); delay > 0 {
		text += fmt.Sprintf(" delay=%v", delay)
	}
	if s.avoided.Load() {
		text += " avoided"
	}
	return text
}

// A gate blocks callers of wait while it is closed.
type gate struct {
	mu     sync.Mutex
	opened chan struct{} // closed while the gate is open
}

func newGate() *gate {
	g := &gate{opened: make(chan struct{})}
	close(g.opened)
	return g
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closedLocked() {
		close(g.opened)
	}
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closedLocked() {
		g.opened = make(chan struct{})
	}
}

func (g *gate) isClosed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closedLocked()
}

// closedLocked is isClosed for callers that hold mu.
func (g *gate) closedLocked() bool {
	select {
	case <-g.opened:
		return false
	default:
		return true
	}
}

// wait waits until the gate is open. It returns false if ended is closed first.
func (g *gate) wait(ended <-chan struct{}) bool {
	g.mu.Lock()
	opened := g.opened
	g.mu.Unlock()
	select {
	case <-ended:
		return false
	case <-opened:
		return true
	}
}
