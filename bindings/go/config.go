package kubepeers

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// Config says which pods are peers and how to find them. PodLabels and
// DiscoveryPortName are required. The zero value of every other field selects
// its default.
type Config struct {
	// Namespace is the namespace of the pods. Default: the namespace of this pod.
	// With Kubeconfig: the namespace of the context, or "default" if the context has
	// none.
	Namespace string
	// PodLabels are the labels that every peer has. All of them must match.
	PodLabels map[string]string
	// DiscoveryPortName is the name of the container port whose number is in a peer's
	// address, for example "gossip". The protocol of the port does not matter.
	DiscoveryPortName string
	// RemotingPortName is the name of another container port, for example GoAkt's
	// remoting port. The library only reports it as [Node.RemotingPort]. A peer need
	// not have it. Default: not reported.
	RemotingPortName string
	// PeersPortName is the name of another container port. The library only reports it
	// as [Node.PeersPort]. A peer need not have it. Default: not reported.
	PeersPortName string

	// DefaultDiscoveryPort is the port to assume for pods that have no port named
	// DiscoveryPortName. Default: such pods are not peers.
	DefaultDiscoveryPort uint16
	// DefaultRemotingPort is the port to assume for pods that have no port named
	// RemotingPortName. It requires RemotingPortName. Default: their port is 0.
	DefaultRemotingPort uint16
	// DefaultPeersPort is the port to assume for pods that have no port named
	// PeersPortName. It requires PeersPortName. Default: their port is 0.
	DefaultPeersPort uint16

	// Membership says whether this process runs in one of the pods. Default: Member.
	Membership Membership
	// PodUID, PodName and PodIP identify the pod that this process runs in. They are
	// needed only if nothing else identifies it; see [Provider.Register]. One of them
	// is enough. PodUID is the most reliable. If several are set, PodUID takes
	// precedence over PodName, and PodName over PodIP.
	PodUID  string
	PodName string
	PodIP   netip.Addr

	// Readiness says whether peers must be Ready. Default: IgnoreReadiness.
	Readiness Readiness
	// Pending says whether Pending pods can be peers. Default: ExcludePending.
	Pending Pending
	// IPFamily selects among the addresses of a pod. Default: PrimaryIP.
	IPFamily IPFamily

	// MaxStale is the maximum age of a result, 1 s to 24 h. A call that finds an older
	// result requests a list and waits for it. If the context ends first, the error
	// wraps [ErrStale]. Default: no limit. With less than about a minute, calls in a
	// quiet cluster cause extra lists, because a quiet watch is confirmed only about
	// once a minute.
	MaxStale time.Duration
	// WatchMode says how changes are found. Default: WatchAuto.
	WatchMode WatchMode
	// PollInterval is the time between two polls, 1 s to 24 h. The library varies it at
	// random by up to a fifth. Default: 15 s.
	PollInterval time.Duration

	// RegisterTimeout is how long [Provider.Register] waits for the first list, at
	// most 24 h. If it is negative, Register does not wait. Default: 5 s.
	RegisterTimeout time.Duration
	// RequestTimeout is how long the library waits for the start of a response of the
	// API server, and for each further part of the response, at most 24 h. A whole list
	// may take three times as long. Default: 10 s.
	RequestTimeout time.Duration

	// ServiceAccountDir is the directory with the files token, ca.crt and namespace.
	// Default: the directory that Kubernetes mounts,
	// /var/run/secrets/kubernetes.io/serviceaccount.
	ServiceAccountDir string
	// Kubeconfig is the path of a kubeconfig to use instead of the service account,
	// for processes outside Kubernetes. It must not be set together with
	// ServiceAccountDir. The library does not read the environment variable KUBECONFIG.
	Kubeconfig string
	// KubeContext is the context of the kubeconfig. It requires Kubeconfig. Default: the
	// current context of the kubeconfig.
	KubeContext string

	// Logger receives log records about the watcher. Default: no log.
	//
	// Each record has the attribute selector, the attribute namespace if Namespace is
	// set, and the time at which the library created it. The levels are
	//   - LevelError for a failure of the library itself
	//   - LevelWarn for a failed request, or for something else that needs an operator's
	//     attention
	//   - LevelInfo for a change of the registration, of the result, or of the way in which
	//     the library gets the result (watching or polling)
	//   - LevelDebug for everything else
	//
	// New reads the lowest enabled level of the logger. The library creates no records
	// below that level, even if the logger has a [slog.LevelVar] that is lowered later. If
	// it is raised later, the provider drops the records below the new level.
	//
	// One goroutine of the provider calls the logger, with one record at a time. It runs
	// from the first Register until Close. If the logger is slow, the provider keeps the
	// newest 256 records, and the next record reports how many were dropped. The logger
	// may call every method of the provider except [Provider.Close], which waits for the
	// logger and would deadlock.
	Logger *slog.Logger
}

// Membership says whether a process runs in one of the pods that Config.PodLabels
// selects.
type Membership string

const (
	// Member is a process that runs in one of the pods. The library identifies that
	// pod and excludes it from the result.
	Member Membership = "member"
	// Observer is a process that runs in none of the pods, for example outside
	// Kubernetes.
	Observer Membership = "observer"
)

// Readiness says whether peers must be Ready.
type Readiness string

const (
	// IgnoreReadiness includes pods that are not Ready, because on a cold start no
	// pod is Ready.
	IgnoreReadiness Readiness = "ignore"
	// RequireReady excludes pods that are not Ready. It is meant for clients of a
	// cluster, not for its members, because two members could both believe that they
	// are alone.
	RequireReady Readiness = "ready"
)

// Pending says whether Pending pods can be peers.
type Pending string

const (
	// ExcludePending requires peers and this pod to be Running.
	ExcludePending Pending = "exclude"
	// IncludePending includes Pending pods that have an address and allows this pod to
	// be Pending. It is meant for native sidecars, whose pod is Pending until its main
	// containers start.
	IncludePending Pending = "include"
)

// IPFamily selects among the addresses of a pod.
type IPFamily string

const (
	// PrimaryIP selects the primary address of the pod, status.podIP.
	PrimaryIP IPFamily = "primary"
	// IPv4 selects the first IPv4 address of the pod.
	IPv4 IPFamily = "ipv4"
	// IPv6 selects the first IPv6 address of the pod.
	IPv6 IPFamily = "ipv6"
)

// WatchMode says how changes of the pods are found.
type WatchMode string

const (
	// WatchAuto watches the pods, or polls them if the service account may list but
	// not watch them.
	WatchAuto WatchMode = "auto"
	// PollOnly always polls.
	PollOnly WatchMode = "poll"
)

// field is a field of Config and the configuration key of the library that it sets.
type field struct{ key, name, value string }

// fields returns the fields in the order of Config. A value of "" selects the
// default.
func (c *Config) fields() []field {
	port := func(number uint16) string {
		return textUnlessZero(number, strconv.Itoa(int(number)))
	}
	duration := func(d time.Duration) string {
		return textUnlessZero(d, strconv.FormatInt(milliseconds(d), 10))
	}
	return []field{
		{"namespace", "Namespace", c.Namespace},
		{"pod_labels", "PodLabels", labelText(c.PodLabels)},
		{"discovery_port_name", "DiscoveryPortName", c.DiscoveryPortName},
		{"remoting_port_name", "RemotingPortName", c.RemotingPortName},
		{"peers_port_name", "PeersPortName", c.PeersPortName},
		{"default_discovery_port", "DefaultDiscoveryPort", port(c.DefaultDiscoveryPort)},
		{"default_remoting_port", "DefaultRemotingPort", port(c.DefaultRemotingPort)},
		{"default_peers_port", "DefaultPeersPort", port(c.DefaultPeersPort)},
		{"membership", "Membership", string(c.Membership)},
		{"pod_uid", "PodUID", c.PodUID},
		{"pod_name", "PodName", c.PodName},
		{"pod_ip", "PodIP", textUnlessZero(c.PodIP, c.PodIP.String())},
		{"readiness", "Readiness", string(c.Readiness)},
		{"pending", "Pending", string(c.Pending)},
		{"ip_family", "IPFamily", string(c.IPFamily)},
		{"max_stale_ms", "MaxStale", duration(c.MaxStale)},
		{"watch", "WatchMode", string(c.WatchMode)},
		{"poll_interval_ms", "PollInterval", duration(c.PollInterval)},
		{"register_timeout_ms", "RegisterTimeout", duration(max(c.RegisterTimeout, 0))},
		{"request_timeout_ms", "RequestTimeout", duration(c.RequestTimeout)},
		{"service_account_dir", "ServiceAccountDir", c.ServiceAccountDir},
		{"kubeconfig", "Kubeconfig", c.Kubeconfig},
		{"context", "KubeContext", c.KubeContext},
	}
}

// settings is a validated Config in the library's form.
type settings struct {
	pairs           []capi.Pair
	registerTimeout time.Duration // 0: Register does not wait
	logger          *slog.Logger
	raw             bool // messages name the library's keys, not the fields of Config
}

// settings validates fields that the library cannot validate, or whose errors it would
// report in units or names that a Go program does not use.
func (c *Config) settings() (settings, error) {
	return c.settingsOf(c.validate())
}

// settingsOf returns the settings, or the problems as an error.
func (c *Config) settingsOf(problems []string) (settings, error) {
	if problems != nil {
		return settings{}, &Error{Status: ErrInvalidConfig, Message: strings.Join(problems, "; ")}
	}
	result := settings{registerTimeout: 5 * time.Second, logger: c.Logger}
	if c.RegisterTimeout != 0 {
		result.registerTimeout = max(c.RegisterTimeout, 0)
	}
	for _, f := range c.fields() {
		if f.value != "" {
			result.pairs = append(result.pairs, capi.Pair{Key: f.key, Value: f.value})
		}
	}
	if c.Logger != nil {
		attributes := []any{"selector", labelText(c.PodLabels)}
		if c.Namespace != "" {
			attributes = slices.Insert(attributes, 0, any("namespace"), any(c.Namespace))
		}
		result.logger = c.Logger.With(attributes...)
		result.pairs = append(result.pairs, capi.Pair{Key: "log", Value: logLevel(c.Logger)})
	}
	return result, nil
}

// validate returns all problems, or nil.
func (c *Config) validate() []string {
	return append(c.missing(), c.invalid()...)
}

// missing returns the problem of required fields that are not set, or nil.
func (c *Config) missing() []string {
	switch {
	case len(c.PodLabels) == 0 && c.DiscoveryPortName == "":
		return []string{"Config.PodLabels and Config.DiscoveryPortName are required"}
	case len(c.PodLabels) == 0:
		return []string{"Config.PodLabels is required"}
	case c.DiscoveryPortName == "":
		return []string{"Config.DiscoveryPortName is required"}
	}
	return nil
}

// invalid returns the problems of the fields that are set, or nil.
func (c *Config) invalid() (problems []string) {
	report := func(format string, arguments ...any) {
		problems = append(problems, fmt.Sprintf(format, arguments...))
	}
	for _, key := range slices.Sorted(maps.Keys(c.PodLabels)) {
		// The library's label text has no escapes: a separator would begin another label.
		if value := c.PodLabels[key]; strings.ContainsAny(key+value, ",=") {
			report("Config.PodLabels: label %q = %q must not contain a comma or an equals sign",
				key, value)
		}
	}
	for _, f := range c.fields() {
		if !utf8.ValidString(f.value) {
			report("Config.%s is not valid UTF-8", f.name)
		}
	}
	const day = 24 * time.Hour
	for _, d := range []struct {
		name       string
		value, min time.Duration
	}{
		{"MaxStale", c.MaxStale, time.Second},
		{"PollInterval", c.PollInterval, time.Second},
		{"RegisterTimeout", max(c.RegisterTimeout, 0), 0},
		{"RequestTimeout", c.RequestTimeout, time.Nanosecond},
	} {
		if d.value != 0 && (d.value < d.min || d.value > day) {
			report("Config.%s is %v: must be between %v and 24h", d.name, d.value, d.min)
		}
	}
	for _, p := range []struct {
		number     uint16
		name, port string
	}{
		{c.DefaultRemotingPort, c.RemotingPortName, "Remoting"},
		{c.DefaultPeersPort, c.PeersPortName, "Peers"},
	} {
		if p.number != 0 && p.name == "" {
			report("Config.Default%sPort requires Config.%[1]sPortName", p.port)
		}
	}
	if c.PodIP.Zone() != "" {
		report("Config.PodIP is %v: must not have a zone", c.PodIP)
	}
	if c.Kubeconfig != "" && c.ServiceAccountDir != "" {
		report("Config.Kubeconfig and Config.ServiceAccountDir exclude each other: " +
			"set one of them")
	}
	if c.KubeContext != "" && c.Kubeconfig == "" {
		report("Config.KubeContext requires Config.Kubeconfig")
	}
	if c.Logger != nil && c.Logger.Handler() == nil {
		report("Config.Logger has no handler: create it with slog.New")
	}
	return problems
}

// labelText returns labels in the form "key=value,key2=value2".
func labelText(labels map[string]string) string {
	pairs := make([]string, 0, len(labels))
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		pairs = append(pairs, key+"="+labels[key])
	}
	return strings.Join(pairs, ",")
}

// milliseconds rounds away from zero, because a short time must not become 0.
func milliseconds(d time.Duration) int64 {
	result := d.Milliseconds()
	switch remainder := d % time.Millisecond; {
	case remainder > 0:
		result++
	case remainder < 0:
		result--
	}
	return result
}

func textUnlessZero[T comparable](value T, text string) string {
	var zero T
	if value == zero {
		return ""
	}
	return text
}

// logLevel returns the most verbose level that the logger has enabled.
func logLevel(logger *slog.Logger) string {
	for _, l := range logLevels {
		if logger.Enabled(context.Background(), l.level) {
			return l.name
		}
	}
	return "off"
}
