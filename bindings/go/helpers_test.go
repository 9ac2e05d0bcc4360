package kubepeers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// testTimeout limits waits that should be short. It is long because the machines that
// run tests are busy.
const testTimeout = time.Minute

// --- Results -----------------------------------------------------------------

// must returns the value of a call. It fails the test if the call has failed. It has two
// parameter lists, because a call with two results must be the only argument in its list.
func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		requireNoError(t, err)
		return value
	}
}

func requireNoError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("got error %v; want none", err)
	}
}

// requireStatus fails the test unless err has the status. It returns the Error in err.
func requireStatus(t *testing.T, err error, status kubepeers.Status) *kubepeers.Error {
	t.Helper()
	var failure *kubepeers.Error
	if !errors.Is(err, status) || !errors.As(err, &failure) {
		t.Fatalf("got error %v; want %v", err, status)
	}
	return failure
}

// errorOf returns the error of a call. If the call has returned a result with the error,
// errorOf returns an error that reports this.
func errorOf[T any](result T, err error) error {
	if err != nil && !reflect.ValueOf(&result).Elem().IsZero() {
		return fmt.Errorf("got result %+v with error %v; want the zero value", result, err)
	}
	return err
}

// eventually waits until the condition is true.
func eventually(t *testing.T, condition string, isTrue func() bool) {
	t.Helper()
	for deadline := time.Now().Add(testTimeout); !isTrue(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("timed out after %v waiting until %s", testTimeout, condition)
		}
	}
}

// receive returns the next error from a channel.
func receive(t *testing.T, errs <-chan error) error {
	t.Helper()
	select {
	case err := <-errs:
		return err
	case <-time.After(testTimeout):
		t.Fatalf("timed out after %v waiting for a call to return", testTimeout)
		return nil
	}
}

// --- Providers without a cluster ---------------------------------------------

func validConfig() kubepeers.Config {
	return kubepeers.Config{
		Namespace:         "default",
		PodLabels:         map[string]string{"app": "demo"},
		DiscoveryPortName: "gossip",
		RemotingPortName:  "remoting",
		PeersPortName:     "peers",
	}
}

// unreachableConfig returns the configuration of an observer whose API server is
// unreachable. Register does not wait.
func unreachableConfig(t *testing.T) kubepeers.Config {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	server.Close() // From here on its port refuses connections.
	host, port, err := net.SplitHostPort(server.Listener.Addr().String())
	requireNoError(t, err)
	t.Setenv("KUBERNETES_SERVICE_HOST", host)
	t.Setenv("KUBERNETES_SERVICE_PORT", port)

	dir := t.TempDir()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	requireNoError(t, os.WriteFile(filepath.Join(dir, "ca.crt"), ca, 0o600))
	requireNoError(t, os.WriteFile(filepath.Join(dir, "token"), []byte("token"), 0o600))
	config := validConfig()
	config.Membership = kubepeers.Observer
	config.ServiceAccountDir = dir
	config.RegisterTimeout = -1
	return config
}

// resettingConfig is unreachableConfig with a server that answers every TLS handshake
// with invalid data and resets the connection, so that the client writes to a closed
// connection.
func resettingConfig(t *testing.T) kubepeers.Config {
	t.Helper()
	config := unreachableConfig(t)
	listener := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	t.Cleanup(func() { listener.Close() })
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	t.Setenv("KUBERNETES_SERVICE_PORT", port)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			resetConnection(connection.(*net.TCPConn))
		}
	}()
	return config
}

func resetConnection(connection *net.TCPConn) {
	connection.Read(make([]byte, 4096))
	raw, _ := connection.SyscallConn()
	raw.Control(func(fd uintptr) {
		syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_CORK, 1)
	})
	connection.Write([]byte("this is not TLS"))
	connection.CloseWrite()
	connection.SetLinger(0)
	connection.Close()
}

// newProvider creates a provider that is closed at the end of the test.
func newProvider(t *testing.T, config kubepeers.Config) *kubepeers.Provider {
	t.Helper()
	provider := must[*kubepeers.Provider](t)(kubepeers.New(config))
	t.Cleanup(func() { provider.Close() })
	return provider
}

// unsyncedProvider creates a registered provider whose API server is unreachable, so
// that calls wait.
func unsyncedProvider(t *testing.T) *kubepeers.Provider {
	t.Helper()
	provider := newProvider(t, unreachableConfig(t))
	requireNoError(t, provider.Register(t.Context()))
	return provider
}

// blockingProvider creates a provider whose Register waits for an API server that is
// unreachable.
func blockingProvider(t *testing.T) *kubepeers.Provider {
	t.Helper()
	config := unreachableConfig(t)
	config.RegisterTimeout = time.Hour
	return newProvider(t, config)
}

// startRegister calls Register in another goroutine.
func startRegister(
	t *testing.T, provider *kubepeers.Provider,
) (cancel context.CancelFunc, returned <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, 1)
	go func() { errs <- provider.Register(ctx) }()
	return cancel, errs
}

// --- Calls -------------------------------------------------------------------

type providerCall func(context.Context, *kubepeers.Provider) error

// calls contains every method that needs an open provider. The methods without a context
// do not wait.
var calls = map[string]providerCall{
	"Register":   func(ctx context.Context, p *kubepeers.Provider) error { return p.Register(ctx) },
	"Deregister": withoutContext((*kubepeers.Provider).Deregister),
	"Health": withoutContext(func(p *kubepeers.Provider) error {
		return errorOf(p.Health())
	}),
	"Explain": withoutContext(func(p *kubepeers.Provider) error {
		return errorOf(p.Explain())
	}),
	"ExplainTable": withoutContext(func(p *kubepeers.Provider) error {
		return errorOf(p.ExplainTable())
	}),
	"Metrics": withoutContext(func(p *kubepeers.Provider) error {
		return errorOf(p.Metrics())
	}),
	"DiscoverPeers": func(ctx context.Context, p *kubepeers.Provider) error {
		return errorOf(p.DiscoverPeers(ctx))
	},
	"Self": func(ctx context.Context, p *kubepeers.Provider) error {
		return errorOf(p.Self(ctx))
	},
	"WaitForPeers": func(ctx context.Context, p *kubepeers.Provider) error {
		return errorOf(p.WaitForPeers(ctx, 1, 0))
	},
	"Refresh": func(ctx context.Context, p *kubepeers.Provider) error { return p.Refresh(ctx) },
	"Watch":   lastWatchError,
}

// waitingCalls are the calls that wait until their context ends and then return an error.
// Watch is not one of them, because it ends without an error.
var waitingCalls = []string{"DiscoverPeers", "Self", "WaitForPeers", "Refresh"}

func withoutContext(call func(*kubepeers.Provider) error) providerCall {
	return func(_ context.Context, provider *kubepeers.Provider) error { return call(provider) }
}

// lastWatchError runs a Watch and returns the error that it yields last.
func lastWatchError(ctx context.Context, provider *kubepeers.Provider) (last error) {
	for snapshot, err := range provider.Watch(ctx) {
		last = errorOf(snapshot, err)
	}
	return last
}

// callWithDeadline makes a call with a deadline in the near future. On a busy machine
// the deadline may pass before the call reaches the library. The call then returns only
// the context's error, and callWithDeadline repeats it with a later deadline.
func callWithDeadline(call func(context.Context) error) error {
	for timeout := time.Millisecond; ; timeout *= 2 {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		err := call(ctx)
		cancel()
		if err != context.DeadlineExceeded || timeout > testTimeout {
			return err
		}
	}
}

// discoverError returns the error of a DiscoverPeers call that waits only briefly.
func discoverError(provider *kubepeers.Provider) error {
	return callWithDeadline(func(ctx context.Context) error {
		return errorOf(provider.DiscoverPeers(ctx))
	})
}

// --- Watches -----------------------------------------------------------------

type update struct {
	snapshot kubepeers.Snapshot
	err      error
}

// updates receives the updates that a Watch yields in another goroutine. The Watch
// continues when an update has been received.
type updates struct {
	*testing.T
	channel chan update
}

func startWatch(t *testing.T, ctx context.Context, provider *kubepeers.Provider) updates {
	u := updates{t, make(chan update)}
	ctx, cancel := context.WithCancel(ctx)
	t.Cleanup(cancel)
	go func() {
		defer close(u.channel)
		for snapshot, err := range provider.Watch(ctx) {
			select {
			case u.channel <- update{snapshot, err}:
			case <-ctx.Done():
			}
		}
	}()
	return u
}

// waitFor receives updates until one matches and returns the number of updates.
func (u updates) waitFor(description string, matches func(update) bool) (received int) {
	u.Helper()
	for {
		select {
		case update, open := <-u.channel:
			if !open {
				u.Fatalf("the watch ended before an update was: %s", description)
			}
			received++
			u.Logf("received %+v", update)
			if matches(update) {
				return received
			}
		case <-time.After(testTimeout):
			u.Fatalf("timed out after %v waiting for the update: %s", testTimeout, description)
		}
	}
}

func (u updates) next() update {
	u.Helper()
	var next update
	u.waitFor("any", func(update update) bool { next = update; return true })
	return next
}

// requireEnd fails the test if the watch yields another update.
func (u updates) requireEnd() {
	u.Helper()
	if update, open := <-u.channel; open {
		u.Errorf("got update %+v; want the end of the watch", update)
	}
}

// hasPeers matches an update with these addresses.
func hasPeers(addresses ...string) func(update) bool {
	return func(u update) bool {
		return u.err == nil && slices.Equal(u.snapshot.Addresses(), addresses)
	}
}

// --- Logs --------------------------------------------------------------------

// logRecorder is a slog.Handler that keeps the records of its level and above.
type logRecorder struct {
	level   slog.LevelVar
	blocked chan struct{} // if it is not nil, Handle waits until it is closed

	mutex      sync.Mutex
	records    []slog.Record
	attributes []string // "key=value"
}

func newLogRecorder(level slog.Level) *logRecorder {
	r := new(logRecorder)
	r.level.Set(level)
	return r
}

func (r *logRecorder) Enabled(_ context.Context, level slog.Level) bool {
	return level >= r.level.Level()
}

func (r *logRecorder) Handle(_ context.Context, record slog.Record) error {
	if r.blocked != nil {
		<-r.blocked
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.records = append(r.records, record)
	return nil
}

func (r *logRecorder) WithAttrs(attributes []slog.Attr) slog.Handler {
	for _, attribute := range attributes {
		r.attributes = append(r.attributes, attribute.String())
	}
	return r
}

func (r *logRecorder) WithGroup(string) slog.Handler { return r }

func (r *logRecorder) all() []slog.Record {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return slices.Clone(r.records)
}

// has reports whether a record of the level contains the text.
func (r *logRecorder) has(level slog.Level, text string) bool {
	return slices.ContainsFunc(r.all(), func(record slog.Record) bool {
		return record.Level == level && strings.Contains(record.Message, text)
	})
}

// config returns unreachableConfig with this logger.
func (r *logRecorder) config(t *testing.T) kubepeers.Config {
	t.Helper()
	config := unreachableConfig(t)
	config.Logger = slog.New(r)
	return config
}

// --- The process -------------------------------------------------------------

// runInSubprocess runs a test of this binary in another process, which must exit with
// this code and print nothing.
func runInSubprocess(t *testing.T, exitCode int, body func(t *testing.T)) {
	t.Helper()
	const variable = "KUBEPEERS_TEST_PROCESS"
	if os.Getenv(variable) == t.Name() {
		body(t)
		if t.Failed() {
			return // The output of the test says why.
		}
		os.Exit(exitCode)
	}
	command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	command.Env = append(os.Environ(), variable+"="+t.Name())
	output, _ := command.CombinedOutput()
	if command.ProcessState.ExitCode() != exitCode || len(output) > 0 {
		t.Errorf("got %v; want exit code %d and no output:\n%s",
			command.ProcessState, exitCode, output)
	}
}

func threads(t *testing.T) []os.DirEntry {
	t.Helper()
	return must[[]os.DirEntry](t)(os.ReadDir("/proc/self/task"))
}

// libraryThreads returns the ids of the library's threads. A thread sets its own name. It
// remains in /proc for a moment after it can be joined.
func libraryThreads(t *testing.T) (ids []string) {
	t.Helper()
	for _, task := range threads(t) {
		name, err := os.ReadFile("/proc/self/task/" + task.Name() + "/comm")
		if err == nil && strings.HasPrefix(string(name), "kubepeers") { // err: the thread has ended.
			ids = append(ids, task.Name())
		}
	}
	return ids
}

func requireNoLibraryThread(t *testing.T) {
	t.Helper()
	eventually(t, "no thread of the library is left", func() bool {
		return len(libraryThreads(t)) == 0
	})
}

// signalMasks returns the signal masks of a thread, or nil if it has ended.
func signalMasks(t *testing.T, thread string) map[string]uint64 {
	t.Helper()
	masks := map[string]uint64{}
	status, err := os.ReadFile("/proc/self/task/" + thread + "/status")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		if strings.HasPrefix(name, "Sig") && name != "SigQ" {
			mask, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			requireNoError(t, err)
			masks[name] = mask
		}
	}
	return masks
}

// sigpipePending reports whether a thread has received SIGPIPE. The library's threads
// block it, so it remains pending.
func sigpipePending(t *testing.T) bool {
	return slices.ContainsFunc(threads(t), func(task os.DirEntry) bool {
		return signalMasks(t, task.Name())["SigPnd"]&(1<<(syscall.SIGPIPE-1)) != 0
	})
}

// descriptors returns the number of open file descriptors.
func descriptors(t *testing.T) int {
	return len(must[[]os.DirEntry](t)(os.ReadDir("/proc/self/fd")))
}

// exhaustDescriptors opens files until there are no descriptors left.
func exhaustDescriptors(t *testing.T) (release func()) {
	t.Helper()
	var limit syscall.Rlimit
	requireNoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	limit.Cur = 64
	requireNoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	path := filepath.Join(t.TempDir(), "file")
	requireNoError(t, os.WriteFile(path, nil, 0o600))
	var files []*os.File
	for {
		file, err := os.Open(path)
		if err != nil {
			break
		}
		files = append(files, file)
	}
	return func() {
		for _, file := range files {
			file.Close()
		}
	}
}

// goroutines returns the stacks of all goroutines in the package.
func goroutines(t *testing.T) string {
	t.Helper()
	var profile bytes.Buffer
	requireNoError(t, pprof.Lookup("goroutine").WriteTo(&profile, 1))
	var stacks []string
	for _, stack := range strings.Split(profile.String(), "\n\n") {
		if strings.Contains(stack, "kubepeers/bindings/go.") {
			stacks = append(stacks, stack)
		}
	}
	return strings.Join(stacks, "\n\n")
}

func requireNoGoroutine(t *testing.T) {
	t.Helper()
	var stacks string
	defer func() {
		if t.Failed() {
			t.Logf("goroutines that are left:\n%s", stacks)
		}
	}()
	eventually(t, "no goroutine of the package is left", func() bool {
		stacks = goroutines(t)
		return stacks == ""
	})
}

// --- Providers in a cluster --------------------------------------------------

// cluster is a namespace on a real API server.
type cluster struct {
	*testing.T
	namespace string
}

func newCluster(t *testing.T) cluster {
	t.Helper()
	for _, name := range []string{
		"TESTENV", "KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT",
	} {
		if os.Getenv(name) == "" {
			t.Fatalf("%s is not set: this test needs a Kubernetes, which `make test` starts", name)
		}
	}
	c := cluster{t, fmt.Sprintf("go-%d", time.Now().UnixNano())}
	c.run("namespace", c.namespace)
	c.run("account", "--namespace", c.namespace, "demo")
	return c
}

func (c cluster) run(arguments ...string) string {
	c.Helper()
	output, err := exec.Command(os.Getenv("TESTENV"), arguments...).CombinedOutput()
	if err != nil {
		c.Fatalf("cluster %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
	return string(output)
}

// runningPod creates or changes a pod that is Running.
func (c cluster) runningPod(name string, ips ...string) {
	c.Helper()
	arguments := []string{"--phase", "Running"}
	for _, ip := range ips {
		arguments = append(arguments, "--ip", ip)
	}
	c.pendingPod(name, arguments...)
}

// pendingPod creates or changes a pod. Without arguments it has no address.
func (c cluster) pendingPod(name string, arguments ...string) {
	c.Helper()
	c.run(slices.Concat([]string{"pod", "--namespace", c.namespace, "--service-account", "demo",
		"--label", "app=demo", "--port", "gossip=3322", "--port", "remoting=3323"},
		arguments, []string{name})...)
}

// portlessPod creates a Running pod without ports.
func (c cluster) portlessPod(name, ip string) {
	c.Helper()
	c.run("pod", "--namespace", c.namespace, "--label", "app=demo",
		"--phase", "Running", "--ip", ip, name)
}

func (c cluster) setPhase(name, phase string) {
	c.Helper()
	c.run("pod", "--namespace", c.namespace, "--phase", phase, name)
}

func (c cluster) setUnready(name string) {
	c.Helper()
	c.run("pod", "--namespace", c.namespace, "--ready=false", name)
}

func (c cluster) terminate(name string) {
	c.Helper()
	c.run("terminate", "--namespace", c.namespace, name)
}

// setVerbs sets the verbs on pods that the service account may use.
func (c cluster) setVerbs(verbs string) {
	c.Helper()
	c.run("account", "--namespace", c.namespace, "--verbs", verbs, "demo")
}

// uid returns the uid that the API server has assigned to a pod.
func (c cluster) uid(pod string) string {
	c.Helper()
	var object struct{ Metadata struct{ UID string } }
	text := c.run("get", "/api/v1/namespaces/"+c.namespace+"/pods/"+pod)
	requireNoError(c.T, json.Unmarshal([]byte(text), &object))
	return object.Metadata.UID
}

// config returns the configuration of a process in a pod.
func (c cluster) config(pod string) kubepeers.Config {
	c.Helper()
	config := validConfig()
	config.Namespace = c.namespace
	config.RegisterTimeout = testTimeout
	config.ServiceAccountDir = c.TempDir()
	c.run("mount", "--namespace", c.namespace, "--service-account", "demo",
		"--pod", pod, config.ServiceAccountDir)
	return config
}

type configChange func(*kubepeers.Config)

// register registers a provider of a process in a pod.
func (c cluster) register(pod string, changes ...configChange) *kubepeers.Provider {
	c.Helper()
	config := c.config(pod)
	for _, change := range changes {
		change(&config)
	}
	provider := newProvider(c.T, config)
	requireNoError(c.T, provider.Register(c.Context()))
	return provider
}

// asObserver turns a configuration into that of an observer.
func asObserver(config *kubepeers.Config) { config.Membership = kubepeers.Observer }

// withoutPolls makes Refresh the only cause of a second list.
func withoutPolls(config *kubepeers.Config) {
	config.WatchMode = kubepeers.PollOnly
	config.PollInterval = time.Hour
}

// withShortMaxStale makes results stale soon after the last successful poll.
func withShortMaxStale(config *kubepeers.Config) {
	config.MaxStale = time.Second
	config.WatchMode = kubepeers.PollOnly
	config.PollInterval = time.Second
}

func (c cluster) discover(provider *kubepeers.Provider) kubepeers.Snapshot {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), testTimeout)
	defer cancel()
	return must[kubepeers.Snapshot](c.T)(provider.DiscoverPeers(ctx))
}

func (c cluster) health(provider *kubepeers.Provider) kubepeers.Health {
	c.Helper()
	return must[kubepeers.Health](c.T)(provider.Health())
}

// waitForAddresses waits until DiscoverPeers returns these addresses.
func (c cluster) waitForAddresses(provider *kubepeers.Provider, addresses ...string) {
	c.Helper()
	var last []string
	eventually(c.T, fmt.Sprintf("the peers are %q", addresses), func() bool {
		current := c.discover(provider).Addresses()
		if !slices.Equal(current, last) {
			c.Logf("the peers are %q", current)
			last = current
		}
		return slices.Equal(current, addresses)
	})
}

// delayConnections puts a proxy in front of the API server. Connections wait until open
// is called.
func (c cluster) delayConnections() (open func()) {
	host := os.Getenv("KUBERNETES_SERVICE_HOST")
	server := net.JoinHostPort(host, os.Getenv("KUBERNETES_SERVICE_PORT"))
	listener := must[net.Listener](c.T)(net.Listen("tcp", net.JoinHostPort(host, "0")))
	c.Cleanup(func() { listener.Close() })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	requireNoError(c.T, err)
	c.Setenv("KUBERNETES_SERVICE_PORT", port)
	return func() { go proxy(listener, server) }
}

// proxy connects every client to the server.
func proxy(listener net.Listener, server string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer client.Close()
			if upstream, err := net.Dial("tcp", server); err == nil {
				defer upstream.Close()
				go func() { io.Copy(upstream, client); upstream.Close() }()
				io.Copy(client, upstream)
			}
		}()
	}
}
