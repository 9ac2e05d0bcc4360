package kubepeers

import (
	"strconv"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/settings"
)

// Option sets what has a default. Of two options for the same thing the later
// one counts. Wrong values are reported by Initialize.
type Option func(*settings.Settings)

// WithoutSelf says that this process does not run in one of the pods. Without
// it, the library finds out which pod this is and leaves it out of the peers.
// (`self` = `none`)
func WithoutSelf() Option {
	return func(s *settings.Settings) { s.Set("self", "none") }
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

// WithRegisterTimeout sets how long Register waits for the first view of the
// pods. 0 does not wait; the default is 5 s.
func WithRegisterTimeout(timeout time.Duration) Option {
	return func(s *settings.Settings) { s.SetMilliseconds("register_timeout_ms", timeout) }
}

// WithDiscoverTimeout sets how long DiscoverPeers waits for an answer that can
// be relied on. 0 does not wait; the default is 3 s.
func WithDiscoverTimeout(timeout time.Duration) Option {
	return func(s *settings.Settings) { s.SetMilliseconds("discover_timeout_ms", timeout) }
}

// WithRequestTimeout sets how long one request to the API server may go
// unanswered. The default is 10 s.
func WithRequestTimeout(timeout time.Duration) Option {
	return func(s *settings.Settings) { s.SetMilliseconds("request_timeout_ms", timeout) }
}
