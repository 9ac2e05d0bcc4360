package balancer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// patience prevents hangs.
	patience = time.Minute
	// silence is the time for which a test checks that no data arrives.
	silence = 100 * time.Millisecond
)

// newBalancer returns a balancer in front of two servers. They reply to each line with
// their number and the line.
func newBalancer(t *testing.T) (b *Balancer, port int) {
	t.Helper()
	b, err := New(0, []string{echo(t, "1"), echo(t, "2")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b, onlyPort(b)
}

func onlyPort(b *Balancer) (number int) {
	for number = range b.ports {
	}
	return number
}

func echo(t *testing.T, name string) (address string) {
	t.Helper()
	listener := listenAnywhere(t)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					fmt.Fprintln(conn, name, lines.Text())
				}
			}()
		}
	}()
	return listener.Addr().String()
}

func listenAnywhere(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

// A client is a connection to the balancer.
type client struct {
	t    *testing.T
	conn net.Conn
	from *bufio.Reader
}

func connect(t *testing.T, port int) *client {
	t.Helper()
	conn, err := net.Dial("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &client{t, conn, bufio.NewReader(conn)}
}

func (c *client) send(line string) {
	c.t.Helper()
	if _, err := fmt.Fprintln(c.conn, line); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) receive() (string, error) {
	c.conn.SetReadDeadline(time.Now().Add(patience))
	line, err := c.from.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

func (c *client) wantLine(want string) {
	c.t.Helper()
	if got, err := c.receive(); got != want || err != nil {
		c.t.Fatalf("received %q, %v; want %q", got, err, want)
	}
}

// wantNothing fails if data or the end of the stream arrives.
func (c *client) wantNothing() {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(silence))
	if b, err := c.from.Peek(1); !errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatalf("received %q, %v; want nothing", b, err)
	}
}

func (c *client) wantReset() {
	c.t.Helper()
	if got, err := c.receive(); !errors.Is(err, syscall.ECONNRESET) {
		c.t.Fatalf("received %q, %v; want a reset", got, err)
	}
}

// number returns the number of the server that the client is connected to.
func (c *client) number() string {
	c.t.Helper()
	c.send("hello")
	line, err := c.receive()
	if err != nil {
		c.t.Fatal(err)
	}
	number, _, _ := strings.Cut(line, " ")
	return number
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pinned returns two clients, one connected to each server.
func pinned(t *testing.T, b *Balancer) (first, second *client) {
	t.Helper()
	var clients [2]*client
	for i := range clients {
		port, err := b.Open()
		must(t, err)
		must(t, b.Pin(port, i+1))
		clients[i] = connect(t, port)
		if got := clients[i].number(); got != strconv.Itoa(i+1) {
			t.Fatalf("a client pinned to server %d is connected to server %s", i+1, got)
		}
	}
	return clients[0], clients[1]
}

func servers(t *testing.T, port, connections int) (numbers string) {
	t.Helper()
	for range connections {
		numbers += connect(t, port).number()
	}
	return numbers
}

func TestConnectionsUseServersInTurn(t *testing.T) {
	b, port := newBalancer(t)
	if got := servers(t, port, 4); got != "1212" {
		t.Errorf("servers %s", got)
	}
	wantConnections(t, b, 1, 2)
}

// wantConnections waits until a server has that many connections.
func wantConnections(t *testing.T, b *Balancer, number, want int) {
	t.Helper()
	text := fmt.Sprintf("connections=%d", want)
	for deadline := time.Now().Add(patience); b.Describe(number) != text; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("server %d: %s, want %s", number, b.Describe(number), text)
		}
	}
}

func TestPinAffectsOnePort(t *testing.T) {
	b, port := newBalancer(t)
	other, err := b.Open()
	must(t, err)
	must(t, b.Pin(other, 2))
	if got := servers(t, other, 3); got != "222" {
		t.Errorf("pinned to 2: servers %s", got)
	}
	if got := servers(t, port, 2); got != "12" {
		t.Errorf("not pinned: servers %s", got)
	}
	must(t, b.Unpin(other))
	if got := servers(t, other, 2); got != "12" {
		t.Errorf("unpinned: servers %s", got)
	}
}

func TestAvoidedServerReceivesNoNewConnections(t *testing.T) {
	b, port := newBalancer(t)
	must(t, b.Avoid(1))
	if got := servers(t, port, 3); got != "222" {
		t.Errorf("servers %s", got)
	}
	must(t, b.Use(1))
	if got := servers(t, port, 2); got != "12" {
		t.Errorf("used again: servers %s", got)
	}
}

func TestCutResetsConnectionsOfOneServer(t *testing.T) {
	b, _ := newBalancer(t)
	first, second := pinned(t, b)
	must(t, b.Cut(1))
	first.wantReset()
	second.send("still here")
	second.wantLine("2 still here")
	wantConnections(t, b, 1, 0)
	wantConnections(t, b, 2, 1)
}

func TestFreezeHoldsData(t *testing.T) {
	b, _ := newBalancer(t)
	first, second := pinned(t, b)
	must(t, b.Freeze(1))
	first.send("a")
	first.send("b")
	first.wantNothing()
	second.send("not frozen")
	second.wantLine("2 not frozen")
	must(t, b.Thaw(1))
	first.wantLine("1 a")
	first.wantLine("1 b")
}

// The server sends without a request, like the events of a watch.
func TestFreezeHoldsDataAndEndOfServer(t *testing.T) {
	listener := listenAnywhere(t)
	b, err := New(0, []string{listener.Addr().String()})
	must(t, err)
	t.Cleanup(b.Close)
	c := connect(t, onlyPort(b))
	server, err := listener.Accept()
	must(t, err)
	defer server.Close()
	must(t, b.Freeze(1))
	fmt.Fprintln(server, "event")
	server.Close()
	c.wantNothing()
	must(t, b.Thaw(1))
	c.wantLine("event")
	if got, err := c.receive(); !errors.Is(err, io.EOF) {
		t.Errorf("received %q, %v; want io.EOF", got, err)
	}
}

func TestFreezeAcceptsNewConnections(t *testing.T) {
	b, port := newBalancer(t)
	must(t, b.Pin(port, 1))
	must(t, b.Freeze(1))
	c := connect(t, port)
	c.send("a")
	c.wantNothing()
	must(t, b.Thaw(1))
	c.wantLine("1 a")
}

func TestCutResetsFrozenConnections(t *testing.T) {
	b, _ := newBalancer(t)
	first, _ := pinned(t, b)
	must(t, b.Freeze(1))
	must(t, b.Cut(1))
	first.wantReset()
}

func TestDelayHoldsDataOfOneServer(t *testing.T) {
	b, _ := newBalancer(t)
	first, second := pinned(t, b)
	must(t, b.Delay(1, 10*time.Millisecond))
	first.send("soon")
	first.wantLine("1 soon")
	must(t, b.Delay(1, time.Hour))
	first.send("late")
	first.wantNothing()
	second.send("not delayed")
	second.wantLine("2 not delayed")
}

func TestStoppedServerResetsConnections(t *testing.T) {
	listener := listenAnywhere(t)
	address := listener.Addr().String()
	listener.Close()
	b, err := New(0, []string{address})
	must(t, err)
	t.Cleanup(b.Close)
	conn, err := net.Dial("tcp", net.JoinHostPort(loopback, strconv.Itoa(onlyPort(b))))
	if errors.Is(err, syscall.ECONNRESET) {
		return // the reset arrived before Dial returned
	}
	must(t, err)
	(&client{t, conn, bufio.NewReader(conn)}).wantReset()
}
