package kubepeers_test

import (
	"io"
	"log/slog"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// refused returns the message with which New refuses a configuration.
func refused(t *testing.T, config kubepeers.Config) string {
	t.Helper()
	provider, err := kubepeers.New(config)
	if provider != nil {
		t.Errorf("a provider besides %v", err)
	}
	failure := want(t, err, kubepeers.ErrInvalidConfig)
	if failure.Retryable || failure.HTTPStatus != 0 || strings.Contains(failure.Message, "`pod_") || strings.Contains(failure.Message, "_ms") {
		t.Errorf("%+v", failure)
	}
	return failure.Message
}

func TestInvalidFieldIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*kubepeers.Config)
		words string
	}{
		"no discovery port":        {func(c *kubepeers.Config) { c.DiscoveryPortName = "" }, "Config.DiscoveryPortName is required"},
		"no labels":                {func(c *kubepeers.Config) { c.PodLabels = nil }, "Config.PodLabels is required"},
		"not a namespace":          {func(c *kubepeers.Config) { c.Namespace = "Not_A_Name" }, "Config.Namespace: "},
		"not a port name":          {func(c *kubepeers.Config) { c.RemotingPortName = "two words" }, "Config.RemotingPortName: "},
		"another port name":        {func(c *kubepeers.Config) { c.PeersPortName = "UPPER" }, "Config.PeersPortName: "},
		"NUL":                      {func(c *kubepeers.Config) { c.Namespace = "default\x00-not" }, "Config.Namespace: contains a NUL byte"},
		"not UTF-8":                {func(c *kubepeers.Config) { c.Namespace = "\xff" }, "Config.Namespace is not valid UTF-8"},
		"membership":               {func(c *kubepeers.Config) { c.Membership = "nobody" }, "Config.Membership: invalid value `nobody`"},
		"readiness":                {func(c *kubepeers.Config) { c.Readiness = "maybe" }, "Config.Readiness: "},
		"pending":                  {func(c *kubepeers.Config) { c.Pending = "maybe" }, "Config.Pending: "},
		"IP family":                {func(c *kubepeers.Config) { c.IPFamily = "6" }, "Config.IPFamily: "},
		"watch mode":               {func(c *kubepeers.Config) { c.WatchMode = "never" }, "Config.WatchMode: "},
		"pod name":                 {func(c *kubepeers.Config) { c.PodName = "two words" }, "Config.PodName: "},
		"pod uid":                  {func(c *kubepeers.Config) { c.PodUID = "uid\x00" }, "Config.PodUID: "},
		"pod address":              {func(c *kubepeers.Config) { c.PodIP = netip.MustParseAddr("fe80::1%eth0") }, "Config.PodIP is fe80::1%eth0: must not have a zone"},
		"max stale":                {func(c *kubepeers.Config) { c.MaxStale = time.Second - time.Millisecond }, "Config.MaxStale is 999ms: must be between 1s and 24h"},
		"negative max stale":       {func(c *kubepeers.Config) { c.MaxStale = -1 }, "Config.MaxStale is -1ns"},
		"poll interval":            {func(c *kubepeers.Config) { c.PollInterval = time.Millisecond }, "Config.PollInterval is 1ms"},
		"request timeout":          {func(c *kubepeers.Config) { c.RequestTimeout = -time.Second }, "Config.RequestTimeout is -1s"},
		"long request timeout":     {func(c *kubepeers.Config) { c.RequestTimeout = math.MaxInt64 }, "Config.RequestTimeout is 2562047h"},
		"register timeout":         {func(c *kubepeers.Config) { c.RegisterTimeout = 25 * time.Hour }, "Config.RegisterTimeout is 25h0m0s"},
		"default remoting port":    {func(c *kubepeers.Config) { c.RemotingPortName, c.DefaultRemotingPort = "", 1 }, "Config.DefaultRemotingPort requires Config.RemotingPortName"},
		"default peers port":       {func(c *kubepeers.Config) { c.PeersPortName, c.DefaultPeersPort = "", 1 }, "Config.DefaultPeersPort requires Config.PeersPortName"},
		"kubeconfig path":          {func(c *kubepeers.Config) { c.Kubeconfig = "a\x00" }, "Config.Kubeconfig: "},
		"context alone":            {func(c *kubepeers.Config) { c.KubeContext = "staging" }, "Config.KubeContext requires Config.Kubeconfig"},
		"context":                  {func(c *kubepeers.Config) { c.Kubeconfig, c.KubeContext = "path", "context\x00" }, "Config.KubeContext: "},
		"two kinds of credentials": {func(c *kubepeers.Config) { c.Kubeconfig, c.ServiceAccountDir = "a", "b" }, "Config.Kubeconfig and Config.ServiceAccountDir exclude each other"},
		"logger":                   {func(c *kubepeers.Config) { c.Logger = new(slog.Logger) }, "Config.Logger has no handler"},
	} {
		t.Run(name, func(t *testing.T) {
			config := validConfig()
			c.spoil(&config)
			if message := refused(t, config); !strings.HasPrefix(message, c.words) {
				t.Errorf("%q, want %q", message, c.words)
			}
		})
	}
}

func TestZeroConfigIsRefusedWithAllThatIsMissing(t *testing.T) {
	if message := refused(t, kubepeers.Config{}); message != "Config.PodLabels and Config.DiscoveryPortName are required" {
		t.Error(message)
	}
	if provider, err := kubepeers.Open(t.Context(), kubepeers.Config{}); provider != nil {
		t.Error(provider)
	} else {
		want(t, err, kubepeers.ErrInvalidConfig)
	}
}

func TestSeveralInvalidFieldsAreOneError(t *testing.T) {
	message := refused(t, kubepeers.Config{MaxStale: 1, Kubeconfig: "a", ServiceAccountDir: "b"})
	for _, field := range []string{"Config.PodLabels", "Config.DiscoveryPortName", "Config.MaxStale", "Config.Kubeconfig"} {
		if !strings.Contains(message, field) {
			t.Errorf("%q does not name %s", message, field)
		}
	}
}

func TestInvalidLabels(t *testing.T) {
	for name, labels := range map[string]map[string]string{
		"not a value":           {"app": "two words"},
		"not a key":             {"-": "x"},
		"another label in it":   {"app": "demo,tier=back"},
		"another value in it":   {"app": "demo=x"},
		"label in the key":      {"app=demo,tier": "back"},
		"comma at the end":      {"app": "demo,"},
		"not the first of them": {"app": "demo", "tier": "back,zone=1"},
		"empty key":             {"": "x"},
	} {
		t.Run(name, func(t *testing.T) {
			config := validConfig()
			config.PodLabels = labels
			if message := refused(t, config); !strings.HasPrefix(message, "Config.PodLabels: ") {
				t.Errorf("%q does not say that Config.PodLabels is invalid", message)
			}
		})
	}
}

func TestLabelsAndDiscoveryPortSuffice(t *testing.T) {
	create(t, kubepeers.Config{DiscoveryPortName: "gossip", PodLabels: map[string]string{"app": "demo"}})
}

func TestSeveralLabels(t *testing.T) {
	config := validConfig()
	config.PodLabels = map[string]string{"app": "demo", "example.org/tier": "back", "empty": ""}
	create(t, config)
}

func TestConfigIsCopied(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	c.pod("a", "10.1.0.2")
	config := c.config("self")
	provider := create(t, config)
	config.PodLabels["app"] = "another"
	succeed(t, provider.Register(t.Context()))
	c.eventually(provider, "10.1.0.2:3322")
}

func TestEveryFieldIsAccepted(t *testing.T) {
	config := kubepeers.Config{
		Namespace:            "default",
		PodLabels:            map[string]string{"app": "demo"},
		DiscoveryPortName:    "gossip",
		RemotingPortName:     "remoting",
		PeersPortName:        "peers",
		DefaultDiscoveryPort: 1,
		DefaultRemotingPort:  2,
		DefaultPeersPort:     65535,
		PodUID:               "0b1c2d3e",
		PodName:              "demo-0",
		PodIP:                netip.MustParseAddr("fd00::1"),
		MaxStale:             time.Second,
		PollInterval:         24 * time.Hour,
		RegisterTimeout:      math.MinInt64,
		RequestTimeout:       time.Microsecond, // It is rounded up: 0 would be refused.
		Logger:               slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	create(t, config)
	config.ServiceAccountDir = "directory"
	create(t, config)
	config.ServiceAccountDir, config.Kubeconfig = "", "file"
	create(t, config)
	config.KubeContext = "context"
	create(t, config)
	for _, config.Membership = range []kubepeers.Membership{kubepeers.Member, kubepeers.Observer} {
		create(t, config)
	}
	for _, config.Readiness = range []kubepeers.Readiness{kubepeers.IgnoreReadiness, kubepeers.RequireReady} {
		create(t, config)
	}
	for _, config.Pending = range []kubepeers.Pending{kubepeers.ExcludePending, kubepeers.IncludePending} {
		create(t, config)
	}
	for _, config.IPFamily = range []kubepeers.IPFamily{kubepeers.PrimaryIP, kubepeers.IPv4, kubepeers.IPv6} {
		create(t, config)
	}
	for _, config.WatchMode = range []kubepeers.WatchMode{kubepeers.WatchAuto, kubepeers.PollOnly} {
		create(t, config)
	}
}

func TestFieldsChangeWhichPodsArePeers(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1", "fd00::1")
	c.pod("unready", "10.1.0.2", "fd00::2")
	c.run("pod", "--namespace", c.namespace, "--ready=false", "unready")
	c.pod("pending", "10.1.0.3")
	c.run("pod", "--namespace", c.namespace, "--phase", "Pending", "pending")
	c.run("pod", "--namespace", c.namespace, "--label", "app=demo", "--phase", "Running", "--ip", "10.1.0.4", "portless")
	for name, x := range map[string]struct {
		change func(*kubepeers.Config)
		peers  []string
	}{
		"nothing":      {func(*kubepeers.Config) {}, []string{"10.1.0.2:3322"}},
		"ready only":   {func(c *kubepeers.Config) { c.Readiness = kubepeers.RequireReady }, nil},
		"pending":      {func(c *kubepeers.Config) { c.Pending = kubepeers.IncludePending }, []string{"10.1.0.2:3322", "10.1.0.3:3322"}},
		"IPv6":         {func(c *kubepeers.Config) { c.IPFamily = kubepeers.IPv6 }, []string{"[fd00::2]:3322"}},
		"default port": {func(c *kubepeers.Config) { c.DefaultDiscoveryPort = 7 }, []string{"10.1.0.2:3322", "10.1.0.4:7"}},
		"observer":     {func(c *kubepeers.Config) { c.Membership = kubepeers.Observer }, []string{"10.1.0.1:3322", "10.1.0.2:3322"}},
		"another pod":  {func(c *kubepeers.Config) { c.PodIP = netip.MustParseAddr("10.1.0.2") }, []string{"10.1.0.1:3322"}},
	} {
		t.Run(name, func(t *testing.T) {
			provider := c.register("self", x.change)
			c.eventually(provider, x.peers...)
		})
	}
}
