package kubepeers_test

import (
	"strings"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
	"github.com/kubepeers/kubepeers/bindings/go/internal/settings"
)

func TestWrongFieldsAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		spoil  func(*kubepeers.Config)
		status kubepeers.Status
		key    string
	}{
		"no discovery port": {func(c *kubepeers.Config) { c.DiscoveryPortName = "" }, kubepeers.ErrInvalidConfig, "discovery_port_name"},
		"no labels":         {func(c *kubepeers.Config) { c.PodLabels = nil }, kubepeers.ErrInvalidConfig, "pod_labels"},
		"not a namespace":   {func(c *kubepeers.Config) { c.Namespace = "Not_A_Name" }, kubepeers.ErrInvalidConfig, "namespace"},
		"not a port name":   {func(c *kubepeers.Config) { c.RemotingPortName = "two words" }, kubepeers.ErrInvalidConfig, "remoting_port_name"},
		"NUL":               {func(c *kubepeers.Config) { c.Namespace = "default\x00-not" }, kubepeers.ErrInvalidConfig, "namespace"},
		"not UTF-8":         {func(c *kubepeers.Config) { c.Namespace = "\xff" }, kubepeers.ErrInvalidUTF8, ""},
	} {
		t.Run(name, func(t *testing.T) {
			config := validConfig()
			c.spoil(&config)
			provider := kubepeers.New(config)
			defer provider.Close()
			failure := want(t, provider.Initialize(), c.status)
			if !strings.Contains(failure.Message, c.key) {
				t.Errorf("%q does not name %s", failure.Message, c.key)
			}
			if failure.Retryable || failure.HTTPStatus != 0 {
				t.Errorf("not about a server: %+v", failure)
			}
		})
	}
}

func TestWrongLabels(t *testing.T) {
	for name, labels := range map[string]map[string]string{
		"not a value":           {"app": "two words"},
		"not a key":             {"-": "x"},
		"another label in it":   {"app": "demo,tier=back"},
		"another value in it":   {"app": "demo=x"},
		"label in the key":      {"app=demo,tier": "back"},
		"comma at the end":      {"app": "demo,"},
		"not the first of them": {"app": "demo", "tier": "back,zone=1"},
	} {
		t.Run(name, func(t *testing.T) {
			config := validConfig()
			config.PodLabels = labels
			provider := kubepeers.New(config)
			defer provider.Close()
			failure := want(t, provider.Initialize(), kubepeers.ErrInvalidConfig)
			if !strings.Contains(failure.Message, "pod_labels") || strings.Contains(failure.Message, "missing") {
				t.Errorf("%q does not say that pod_labels is wrong", failure.Message)
			}
		})
	}
}

func TestLabelsAndDiscoveryPortSuffice(t *testing.T) {
	initialized(t, kubepeers.Config{DiscoveryPortName: "gossip", PodLabels: map[string]string{"app": "demo"}})
}

func TestSeveralLabels(t *testing.T) {
	config := validConfig()
	config.PodLabels = map[string]string{"app": "demo", "example.org/tier": "back", "empty": ""}
	initialized(t, config)
}

func TestConfigIsCopied(t *testing.T) {
	config := validConfig()
	provider := kubepeers.New(config)
	defer provider.Close()
	config.PodLabels["app"] = "two words"
	succeed(t, provider.Initialize())
}

func TestWrongOptionsAreNamed(t *testing.T) {
	raw := func(key, value string) kubepeers.Option {
		return func(s *settings.Settings) { s.Set(key, value) }
	}
	for name, c := range map[string]struct {
		option kubepeers.Option
		status kubepeers.Status
		key    string
	}{
		"unknown key":        {raw("no_such_key", "x"), kubepeers.ErrUnknownKey, "no_such_key"},
		"register timeout":   {kubepeers.WithRegisterTimeout(-time.Second), kubepeers.ErrInvalidConfig, "register_timeout_ms"},
		"discover timeout":   {kubepeers.WithDiscoverTimeout(-time.Second), kubepeers.ErrInvalidConfig, "discover_timeout_ms"},
		"request timeout":    {kubepeers.WithRequestTimeout(0), kubepeers.ErrInvalidConfig, "request_timeout_ms"},
		"IP family":          {kubepeers.WithIPFamily("6"), kubepeers.ErrInvalidConfig, "ip_family"},
		"default port":       {kubepeers.WithDefaultDiscoveryPort(0), kubepeers.ErrInvalidConfig, "default_discovery_port"},
		"remoting port":      {kubepeers.WithDefaultRemotingPort(0), kubepeers.ErrInvalidConfig, "default_remoting_port"},
		"peers port":         {kubepeers.WithDefaultPeersPort(0), kubepeers.ErrInvalidConfig, "default_peers_port"},
		"max stale":          {kubepeers.WithMaxStale(time.Second - time.Millisecond), kubepeers.ErrInvalidConfig, "max_stale_ms"},
		"poll interval":      {kubepeers.WithPollInterval(0), kubepeers.ErrInvalidConfig, "poll_interval_ms"},
		"part of a negative": {kubepeers.WithDiscoverTimeout(-1), kubepeers.ErrInvalidConfig, "discover_timeout_ms"},
		"watch":              {raw("watch", "never"), kubepeers.ErrInvalidConfig, "watch"},
		"pod address":        {kubepeers.WithPodIP("10.1.0.1:3322"), kubepeers.ErrInvalidConfig, "pod_ip"},
		"membership":         {raw("membership", "nobody"), kubepeers.ErrInvalidConfig, "membership"},
		"pod name":           {kubepeers.WithPod("", "some-uid"), kubepeers.ErrInvalidConfig, "pod_name"},
		"pod uid":            {kubepeers.WithPod("name", "uid\x00"), kubepeers.ErrInvalidConfig, "pod_uid"},
		"account folder":     {kubepeers.WithServiceAccountDir(""), kubepeers.ErrInvalidConfig, "service_account_dir"},
		"kubeconfig":         {kubepeers.WithKubeconfig("", "context"), kubepeers.ErrInvalidConfig, "kubeconfig"},
		"kubeconfig context": {kubepeers.WithKubeconfig("path", "context\x00"), kubepeers.ErrInvalidConfig, "context"},
	} {
		t.Run(name, func(t *testing.T) {
			provider := kubepeers.New(validConfig(), c.option)
			defer provider.Close()
			failure := want(t, provider.Initialize(), c.status)
			if !strings.Contains(failure.Message, "`"+c.key+"`") {
				t.Errorf("%q does not name %s", failure.Message, c.key)
			}
		})
	}
}

func TestOptionsThatAreRight(t *testing.T) {
	initialized(t, validConfig(),
		kubepeers.WithPod("demo-0", "0b1c2d3e"),
		kubepeers.WithPod("demo-0", ""),
		kubepeers.WithPodIP("fd00::1"),
		kubepeers.WithDefaultRemotingPort(1),
		kubepeers.WithDefaultPeersPort(65535),
		kubepeers.WithMaxStale(time.Second),
		kubepeers.WithPolling(),
		kubepeers.WithPollInterval(time.Second),
		kubepeers.WithServiceAccountDir("folder"),
		kubepeers.WithKubeconfig("file", "context"),
		kubepeers.WithKubeconfig("file", ""),
		kubepeers.WithoutSelf(),
		kubepeers.WithRegisterTimeout(0),
		kubepeers.WithDiscoverTimeout(time.Second),
		kubepeers.WithRequestTimeout(time.Microsecond)) // Rounded up: 0 would be refused.
}
