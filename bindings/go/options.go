package kubepeers

import (
	"log/slog"
	"strconv"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/settings"
)

// Option sets what has a default. Of two options for the same thing the later
// one counts. Wrong values are reported by Initialize.
type Option func(*settings.Settings)

// WithoutSelf says that this process does not run in one of the pods. Without
// it, the library identifies this pod and excludes it from the peers.
// (`membership` = `observer`)
func WithoutSelf() Option {
	return func(s *settings.Settings) { s.Set("membership", "observer") }
}

// WithPod says which pod this process runs in, for where that cannot be found
// out: see kubepeers_register in kubepeers.h. An empty uid means any.
// (`pod_name`, `pod_uid`)
func WithPod(name, uid string) Option {
	return func(s *settings.Settings) {
		s.Set("pod_name", name)
		if uid != "" {
			s.Set("pod_uid", uid)
		}
	}
}

// WithPodIP says the same by an address of the pod. It is less sure than a
// uid: addresses are given to other pods later. (`pod_ip`)
func WithPodIP(ip string) Option {
	return func(s *settings.Settings) { s.Set("pod_ip", ip) }
}

// WithReadyOnly leaves pods out that are not ready. On a cold start nobody is
// ready: it is for clients of a cluster, not for its members. (`readiness`)
func WithReadyOnly() Option {
	return func(s *settings.Settings) { s.Set("readiness", "ready") }
}

// WithPending takes Pending pods in, the own one too, that have an address: for
// a process in a native sidecar, whose pod is Pending until its main containers
// start. (`pending`)
func WithPending() Option {
	return func(s *settings.Settings) { s.Set("pending", "include") }
}

// WithIPFamily chooses among the addresses of a pod: "ipv4", "ipv6", or
// "primary", which is the default. (`ip_family`)
func WithIPFamily(family string) Option {
	return func(s *settings.Settings) { s.Set("ip_family", family) }
}

// WithDefaultDiscoveryPort is for pods that have no port of the name.
// (`default_discovery_port`)
func WithDefaultDiscoveryPort(port uint16) Option {
	return func(s *settings.Settings) { s.Set("default_discovery_port", strconv.Itoa(int(port))) }
}

// WithDefaultRemotingPort is the same for Node.RemotingPort.
// (`default_remoting_port`)
func WithDefaultRemotingPort(port uint16) Option {
	return func(s *settings.Settings) { s.Set("default_remoting_port", strconv.Itoa(int(port))) }
}

// WithDefaultPeersPort is the same for Node.PeersPort. (`default_peers_port`)
func WithDefaultPeersPort(port uint16) Option {
	return func(s *settings.Settings) { s.Set("default_peers_port", strconv.Itoa(int(port))) }
}

// WithMaxStale sets how long peers are given out after the API server was last
// heard. When they are older the pods are listed anew, and where that does not
// succeed in time the answer is ErrStale. Without it the last peers stand,
// however old: see Health. At least a second; a quiet API server is heard about
// every minute. While a Watch is open, or a call waits, the pods are listed again
// whenever limit has passed without a confirmation by the API server.
// (`max_stale_ms`)
func WithMaxStale(limit time.Duration) Option {
	return func(s *settings.Settings) { s.SetMilliseconds("max_stale_ms", limit) }
}

// WithPolling lists the pods again and again instead of watching them. Without
// it that is done only where the service account may list pods, but not watch
// them. (`watch` = `poll`)
func WithPolling() Option {
	return func(s *settings.Settings) { s.Set("watch", "poll") }
}

// WithPollInterval sets the time between two such lists, give or take a fifth.
// At least a second; the default is 15 s. (`poll_interval_ms`)
func WithPollInterval(interval time.Duration) Option {
	return func(s *settings.Settings) { s.SetMilliseconds("poll_interval_ms", interval) }
}

// WithServiceAccountDir names the folder with the files token and ca.crt,
// where it is not the usual one. (`service_account_dir`)
func WithServiceAccountDir(path string) Option {
	return func(s *settings.Settings) { s.Set("service_account_dir", path) }
}

// WithKubeconfig uses a kubeconfig instead of the pod's service account, for
// processes outside a cluster. An empty context means its current one.
// (`kubeconfig`, `context`)
func WithKubeconfig(path, context string) Option {
	return func(s *settings.Settings) {
		s.Set("kubeconfig", path)
		if context != "" {
			s.Set("context", context)
		}
	}
}

// WithLogger tells a logger what the watcher does: at slog.LevelInfo that the
// answer has changed or the way in which it is found, at Warn that a request
// failed, at Error a fault of the library, and at Debug the rest. Which of these
// the logger takes is asked when the option is made: the others are not made at
// all. Each record has the time at which it was made, and the namespace and the
// selector whose it is. nil is for no log, as without the option.
//
// A goroutine of the provider's own calls the logger, one record at a time: of a
// logger that does not keep up 256 records wait, of more the oldest are lost, and
// the next one says how many. It may call every method of the provider but Close,
// which ends everything else, then waits until the logger has what was recorded
// before it. (`log`)
func WithLogger(logger *slog.Logger) Option {
	return func(s *settings.Settings) {
		s.Logger = logger
		s.Set("log", logLevel(logger))
	}
}

// WithRegisterTimeout sets how long Register waits for the first view of the
// pods. 0 does not wait; the default is 5 s. (`register_timeout_ms`)
func WithRegisterTimeout(timeout time.Duration) Option {
	return func(s *settings.Settings) { s.SetMilliseconds("register_timeout_ms", timeout) }
}

// WithDiscoverTimeout sets how long DiscoverPeers and Nodes wait for an answer
// that can be relied on. 0 does not wait; the default is 3 s.
// (`discover_timeout_ms`)
func WithDiscoverTimeout(timeout time.Duration) Option {
	return func(s *settings.Settings) { s.SetMilliseconds("discover_timeout_ms", timeout) }
}

// WithRequestTimeout sets how long one request to the API server may go
// unanswered. The default is 10 s. (`request_timeout_ms`)
func WithRequestTimeout(timeout time.Duration) Option {
	return func(s *settings.Settings) { s.SetMilliseconds("request_timeout_ms", timeout) }
}
