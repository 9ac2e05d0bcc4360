// Package etcdproxy is a gRPC proxy between an API server and etcd. It can hold back
// the watch of pods. Then the API server's watch cache lags, while its reads from etcd
// and its writes work as usual.
package etcdproxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

const watchMethod = "/etcdserverpb.Watch/Watch"

// podKeys is the prefix of the keys under which API servers store pods. Each
// resource has its own watch stream, so a stream that requests it watches pods.
var podKeys = []byte("/registry/pods/")

// A Proxy forwards all calls of one API server.
type Proxy struct {
	server   *grpc.Server
	upstream *grpc.ClientConn

	mu       sync.Mutex
	caughtUp chan struct{} // closed unless the watch is held back
}

// Start accepts calls on the listener and forwards them to the etcd that dial connects
// to.
func Start(listener net.Listener, dial func(context.Context) (net.Conn, error)) (*Proxy, error) {
	upstream, err := grpc.NewClient("passthrough:///etcd",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return dial(ctx) }),
		grpc.WithDefaultCallOptions(
			grpc.ForceCodec(rawCodec{}),
			grpc.MaxCallRecvMsgSize(math.MaxInt32),
			grpc.MaxCallSendMsgSize(math.MaxInt32)),
	)
	if err != nil {
		return nil, err
	}
	p := &Proxy{upstream: upstream, caughtUp: make(chan struct{})}
	close(p.caughtUp)
	p.server = grpc.NewServer(
		grpc.ForceServerCodec(rawCodec{}),
		grpc.MaxRecvMsgSize(math.MaxInt32),
		grpc.UnknownServiceHandler(func(_ any, downstream grpc.ServerStream) error { return p.forward(downstream) }),
	)
	go p.server.Serve(listener)
	return p, nil
}

// Stop ends all calls.
func (p *Proxy) Stop() {
	p.server.Stop()
	p.upstream.Close()
}

// Lag holds back everything that etcd sends to watches of pods.
func (p *Proxy) Lag() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.lagsLocked() {
		p.caughtUp = make(chan struct{})
	}
}

// CatchUp delivers what Lag has held back.
func (p *Proxy) CatchUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lagsLocked() {
		close(p.caughtUp)
	}
}

// Lags reports whether the watch is held back.
func (p *Proxy) Lags() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lagsLocked()
}

// lagsLocked is Lags for callers that hold mu.
func (p *Proxy) lagsLocked() bool {
	select {
	case <-p.caughtUp:
		return false
	default:
		return true
	}
}

// A call is one call of the API server.
type call struct {
	proxy       *Proxy
	downstream  grpc.ServerStream
	upstream    grpc.ClientStream
	watchesPods atomic.Bool
}

func (p *Proxy) forward(downstream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(downstream)
	ctx, cancel := context.WithCancel(downstream.Context())
	defer cancel()
	if incoming, ok := metadata.FromIncomingContext(ctx); ok {
		ctx = metadata.NewOutgoingContext(ctx, incoming)
	}
	upstream, err := p.upstream.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
	if err != nil {
		return err
	}
	c := &call{proxy: p, downstream: downstream, upstream: upstream}
	go func() {
		if err := c.forwardRequests(method == watchMethod); err != nil {
			cancel()
		}
	}()
	return c.forwardResponses(ctx)
}

func (c *call) forwardRequests(watch bool) error {
	for {
		var message []byte
		err := c.downstream.RecvMsg(&message)
		if errors.Is(err, io.EOF) {
			return c.upstream.CloseSend()
		}
		if err != nil {
			return err
		}
		if watch && bytes.Contains(message, podKeys) {
			c.watchesPods.Store(true)
		}
		if err := c.upstream.SendMsg(&message); err != nil {
			return err
		}
	}
}

func (c *call) forwardResponses(ctx context.Context) error {
	defer func() { c.downstream.SetTrailer(c.upstream.Trailer()) }()
	for {
		var message []byte
		err := c.upstream.RecvMsg(&message)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if c.watchesPods.Load() {
			if err := c.proxy.awaitCatchUp(ctx); err != nil {
				return err
			}
		}
		if err := c.downstream.SendMsg(&message); err != nil {
			return err
		}
	}
}

func (p *Proxy) awaitCatchUp(ctx context.Context) error {
	p.mu.Lock()
	caughtUp := p.caughtUp
	p.mu.Unlock()
	select {
	case <-caughtUp:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// rawCodec is a codec that forwards messages without decoding them.
type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }

func (rawCodec) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = bytes.Clone(data)
	return nil
}

// Name returns the name of the codec that etcd's clients and servers use.
func (rawCodec) Name() string { return "proto" }
