package balancer

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const (
	chunkSize = 32 << 10
	// A frozen link reads up to this many chunks, so that TCP acknowledges the data.
	maxQueuedChunks = 64
)

// A link is a client's connection and the corresponding connection to the server.
type link struct {
	server *server
	client *net.TCPConn

	mu       sync.Mutex
	upstream *net.TCPConn  // nil until the server has accepted
	ended    chan struct{} // closed when both connections are
}

// A chunk is forwarded at its due time. An error ends one direction.
type chunk struct {
	data []byte
	due  time.Time
	err  error
}

// join adds the server's connection. It returns false if the link has ended.
func (l *link) join(upstream *net.TCPConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.ended:
		upstream.Close()
		return false
	default:
		l.upstream = upstream
		return true
	}
}

// run forwards both directions until both have ended.
func (l *link) run() {
	var both sync.WaitGroup
	both.Go(func() { l.forward(l.client, l.upstream) })
	both.Go(func() { l.forward(l.upstream, l.client) })
	both.Wait()
	l.end(false)
}

// reset ends both connections with a RST, as a crash does.
func (l *link) reset() { l.end(true) }

func (l *link) end(reset bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.ended:
		return
	default:
		close(l.ended)
	}
	for _, connection := range []*net.TCPConn{l.client, l.upstream} {
		if connection == nil {
			continue
		}
		if reset {
			connection.SetLinger(0)
		}
		connection.Close()
	}
}

// forward copies one direction. The end of the stream is queued like data, so a
// frozen link holds it too.
func (l *link) forward(from, to *net.TCPConn) {
	chunks := make(chan chunk, maxQueuedChunks)
	go l.read(from, chunks)
	for {
		select {
		case <-l.ended:
			return
		case c := <-chunks:
			if !l.awaitDue(c.due) || !l.write(c, to) {
				return
			}
		}
	}
}

// write writes a chunk. It returns false at the end of the direction.
func (l *link) write(c chunk, to *net.TCPConn) bool {
	if errors.Is(c.err, io.EOF) {
		to.CloseWrite()
		return false
	}
	err := c.err
	if err == nil {
		_, err = to.Write(c.data)
	}
	if err != nil {
		l.reset()
	}
	return err == nil
}

func (l *link) read(from *net.TCPConn, chunks chan<- chunk) {
	for {
		data := make([]byte, chunkSize)
		n, err := from.Read(data)
		due := time.Now().Add(time.Duration(l.server.delay.Load()))
		parts := []chunk{{data: data[:n], due: due}}
		if err != nil {
			parts = append(parts, chunk{due: due, err: err})
		}
		for _, part := range parts {
			select {
			case chunks <- part:
			case <-l.ended:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// awaitDue waits until the due time and until the server is not frozen. It returns
// false if the link ends first.
func (l *link) awaitDue(due time.Time) bool {
	if wait := time.Until(due); wait > 0 {
		select {
		case <-time.After(wait):
		case <-l.ended:
			return false
		}
	}
	return l.server.gate.wait(l.ended)
}
