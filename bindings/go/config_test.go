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

// requireInvalid returns the message with which New rejects a configuration.
func requireInvalid(t *testing.T, config kubepeers.Config) string {
	t.Helper()
	provider, err := kubepeers.New(config)
	if provider != nil {
		t.Errorf("got a provider with error %v; want nil", err)
	}
	failure := requireStatus(t, err, kubepeers.ErrInvalidConfig)
	if failure.Retryable || failure.HTTPStatus != 0 {
		t.Errorf("got %+v; want an error that is not retryable and has no HTTP status", failure)
	}
	if strings.Contains(failure.Message, "`pod_") || strings.Contains(failure.Message, "_ms") {
		t.Errorf("got %q; want a message without keys of the library", failure.Message)
	}
	return failure.Message
}

func TestNewNamesInvalidField(t *testing.T) {
	for name, c := range map[string]struct {
		change configChange
		want   string
	}{
		"no discovery port": {
			func(c *kubepeers.Config) { c.DiscoveryPortName = "" },
			"Config.DiscoveryPortName is required",
		},
		"no labels": {
			func(c *kubepeers.Config) { c.PodLabels = nil },
			"Config.PodLabels is required",
		},
		"namespace": {
			func(c *kubepeers.Config) { c.Namespace = "Not_A_Name" },
			"Config.Namespace: ",
		},
		"remoting port name": {
			func(c *kubepeers.Config) { c.RemotingPortName = "two words" },
			"Config.RemotingPortName: ",
		},
		"peers port name": {
			func(c *kubepeers.Config) { c.PeersPortName = "UPPER" },
			"Config.PeersPortName: ",
		},
		"NUL": {
			func(c *kubepeers.Config) { c.Namespace = "default\x00-not" },
			"Config.Namespace: contains a NUL byte",
		},
		"not UTF-8": {
			func(c *kubepeers.Config) { c.Namespace = "\xff" },
			"Config.Namespace is not valid UTF-8",
		},
		"membership": {
			func(c *kubepeers.Config) { c.Membership = "guest" },
			"Config.Membership: invalid value `guest`",
		},
		"readiness": {
			func(c *kubepeers.Config) { c.Readiness = "maybe" },
			"Config.Readiness: ",
		},
		"pending": {
			func(c *kubepeers.Config) { c.Pending = "maybe" },
			"Config.Pending: ",
		},
		"IP family": {
			func(c *kubepeers.Config) { c.IPFamily = "6" },
			"Config.IPFamily: ",
		},
		"watch mode": {
			func(c *kubepeers.Config) { c.WatchMode = "never" },
			"Config.WatchMode: ",
		},
		"pod name": {
			func(c *kubepeers.Config) { c.PodName = "two words" },
			"Config.PodName: ",
		},
		"pod uid": {
			func(c *kubepeers.Config) { c.PodUID = "uid\x00" },
			"Config.PodUID: ",
		},
		"pod address": {
			func(c *kubepeers.Config) { c.PodIP = netip.MustParseAddr("fe80::1%eth0") },
			"Config.PodIP is fe80::1%eth0: must not have a zone",
		},
		"max stale": {
			func(c *kubepeers.Config) { c.MaxStale = time.Second - time.Millisecond },
			"Config.MaxStale is 999ms: must be between 1s and 24h",
		},
		"negative max stale": {
			func(c *kubepeers.Config) { c.MaxStale = -1 },
			"Config.MaxStale is -1ns",
		},
		"poll interval": {
			func(c *kubepeers.Config) { c.PollInterval = time.Millisecond },
			"Config.PollInterval is 1ms",
		},
		"negative request timeout": {
			func(c *kubepeers.Config) { c.RequestTimeout = -time.Second },
			"Config.RequestTimeout is -1s",
		},
		"long request timeout": {
			func(c *kubepeers.Config) { c.RequestTimeout = math.MaxInt64 },
			"Config.RequestTimeout is 2562047h",
		},
		"register timeout": {
			func(c *kubepeers.Config) { c.RegisterTimeout = 25 * time.Hour },
			"Config.RegisterTimeout is 25h0m0s",
		},
		"default remoting port": {
			func(c *kubepeers.Config) { c.RemotingPortName, c.DefaultRemotingPort = "", 1 },
			"Config.DefaultRemotingPort requires Config.RemotingPortName",
		},
		"default peers port": {
			func(c *kubepeers.Config) { c.PeersPortName, c.DefaultPeersPort = "", 1 },
			"Config.DefaultPeersPort requires Config.PeersPortName",
		},
		"kubeconfig": {
			func(c *kubepeers.Config) { c.Kubeconfig = "a\x00" },
			"Config.Kubeconfig: ",
		},
		"context without kubeconfig": {
			func(c *kubepeers.Config) { c.KubeContext = "staging" },
			"Config.KubeContext requires Config.Kubeconfig",
		},
		"context": {
			func(c *kubepeers.Config) { c.Kubeconfig, c.KubeContext = "path", "context\x00" },
			"Config.KubeContext: ",
		},
		"kubeconfig and service account": {
			func(c *kubepeers.Config) { c.Kubeconfig, c.ServiceAccountDir = "a", "b" },
			"Config.Kubeconfig and Config.ServiceAccountDir exclude each other",
		},
		"logger without handler": {
			func(c *kubepeers.Config) { c.Logger = new(slog.Logger) },
			"Config.Logger has no handler",
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := validConfig()
			c.change(&config)
			if got := requireInvalid(t, config); !strings.HasPrefix(got, c.want) {
				t.Errorf("got %q; want prefix %q", got, c.want)
			}
		})
	}
}

func TestNewNamesAllInvalidFields(t *testing.T) {
	const required = "Config.PodLabels and Config.DiscoveryPortName are required"
	if got := requireInvalid(t, kubepeers.Config{}); got != required {
		t.Errorf("got %q for the zero Config; want %q", got, required)
	}
	config := kubepeers.Config{MaxStale: 1, Kubeconfig: "a", ServiceAccountDir: "b"}
	got := requireInvalid(t, config)
	for _, want := range []string{required, "Config.MaxStale", "Config.Kubeconfig"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q; want it to contain %q", got, want)
		}
	}
}

func TestNewRejectsInvalidLabels(t *testing.T) {
	for name, labels := range map[string]map[string]string{
		"invalid value":             {"app": "two words"},
		"invalid key":               {"-": "x"},
		"comma in value":            {"app": "demo,tier=back"},
		"equals sign in value":      {"app": "demo=x"},
		"separators in key":         {"app=demo,tier": "back"},
		"comma at the end of value": {"app": "demo,"},
		"comma in second value":     {"app": "demo", "tier": "back,zone=1"},
		"empty key":                 {"": "x"},
	} {
		t.Run(name, func(t *testing.T) {
			config := validConfig()
			config.PodLabels = labels
			const want = "Config.PodLabels: "
			if got := requireInvalid(t, config); !strings.HasPrefix(got, want) {
				t.Errorf("got %q; want prefix %q", got, want)
			}
		})
	}
}

func TestNewAcceptsEveryField(t *testing.T) {
	// The first Config has only the required fields.
	config := kubepeers.Config{
		PodLabels:         map[string]string{"app": "demo", "example.org/tier": "back", "empty": ""},
		DiscoveryPortName: "gossip",
	}
	newProvider(t, config)

	config.Namespace = "default"
	config.RemotingPortName = "remoting"
	config.PeersPortName = "peers"
	config.DefaultDiscoveryPort = 1
	config.DefaultRemotingPort = 2
	config.DefaultPeersPort = 65535
	config.PodUID = "0b1c2d3e"
	config.PodName = "demo-0"
	config.PodIP = netip.MustParseAddr("fd00::1")
	config.MaxStale = time.Second
	config.PollInterval = 24 * time.Hour
	config.RegisterTimeout = math.MinInt64
	config.RequestTimeout = time.Microsecond // The library gets 1 ms, because it rejects 0.
	config.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	newProvider(t, config)

	config.ServiceAccountDir = "directory"
	newProvider(t, config)
	config.ServiceAccountDir, config.Kubeconfig = "", "file"
	newProvider(t, config)
	config.KubeContext = "context"
	newProvider(t, config)

	for _, config.Membership = range []kubepeers.Membership{kubepeers.Member, kubepeers.Observer} {
		newProvider(t, config)
	}
	for _, config.Readiness = range []kubepeers.Readiness{
		kubepeers.IgnoreReadiness, kubepeers.RequireReady,
	} {
		newProvider(t, config)
	}
	for _, config.Pending = range []kubepeers.Pending{
		kubepeers.ExcludePending, kubepeers.IncludePending,
	} {
		newProvider(t, config)
	}
	for _, config.IPFamily = range []kubepeers.IPFamily{
		kubepeers.PrimaryIP, kubepeers.IPv4, kubepeers.IPv6,
	} {
		newProvider(t, config)
	}
	for _, config.WatchMode = range []kubepeers.WatchMode{kubepeers.WatchAuto, kubepeers.PollOnly} {
		newProvider(t, config)
	}
}

func TestNewCopiesConfig(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	c.runningPod("a", "10.1.0.2")
	config := c.config("self")
	provider := newProvider(t, config)
	config.PodLabels["app"] = "another"
	requireNoError(t, provider.Register(t.Context()))
	c.waitForAddresses(provider, "10.1.0.2:3322")
}

func TestConfigSelectsPeers(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1", "fd00::1")
	c.runningPod("unready", "10.1.0.2", "fd00::2")
	c.setUnready("unready")
	c.runningPod("pending", "10.1.0.3")
	c.setPhase("pending", "Pending")
	c.portlessPod("portless", "10.1.0.4")
	for name, test := range map[string]struct {
		change configChange
		want   []string
	}{
		"default": {
			func(*kubepeers.Config) {},
			[]string{"10.1.0.2:3322"},
		},
		"require ready": {
			func(c *kubepeers.Config) { c.Readiness = kubepeers.RequireReady },
			nil,
		},
		"include pending": {
			func(c *kubepeers.Config) { c.Pending = kubepeers.IncludePending },
			[]string{"10.1.0.2:3322", "10.1.0.3:3322"},
		},
		"IPv6": {
			func(c *kubepeers.Config) { c.IPFamily = kubepeers.IPv6 },
			[]string{"[fd00::2]:3322"},
		},
		"default discovery port": {
			func(c *kubepeers.Config) { c.DefaultDiscoveryPort = 7 },
			[]string{"10.1.0.2:3322", "10.1.0.4:7"},
		},
		"observer": {
			asObserver,
			[]string{"10.1.0.1:3322", "10.1.0.2:3322"},
		},
		"address of another pod": {
			func(c *kubepeers.Config) { c.PodIP = netip.MustParseAddr("10.1.0.2") },
			[]string{"10.1.0.1:3322"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.waitForAddresses(c.register("self", test.change), test.want...)
		})
	}
}
