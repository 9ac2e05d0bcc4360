package goakt_test

import (
	"strings"
	"testing"

	"github.com/tochemey/goakt/v4/discovery"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
	kubernetes "github.com/kubepeers/kubepeers/bindings/go/goakt"
)

func TestInvalidConfigIsRejected(t *testing.T) {
	requireNoError(t, validConfig("default").Validate())
	const allFields = "set Config.Namespace, Config.DiscoveryPortName, Config.RemotingPortName, " +
		"Config.PeersPortName, Config.PodLabels"
	for name, test := range map[string]struct {
		change func(*kubernetes.Config)
		want   string
	}{
		"no Namespace": {
			func(c *kubernetes.Config) { c.Namespace = "" },
			"set Config.Namespace",
		},
		"no DiscoveryPortName": {
			func(c *kubernetes.Config) { c.DiscoveryPortName = "" },
			"set Config.DiscoveryPortName",
		},
		"no RemotingPortName": {
			func(c *kubernetes.Config) { c.RemotingPortName = "" },
			"set Config.RemotingPortName",
		},
		"no PeersPortName": {
			func(c *kubernetes.Config) { c.PeersPortName = "" },
			"set Config.PeersPortName",
		},
		"no PodLabels": {
			func(c *kubernetes.Config) { c.PodLabels = nil },
			"set Config.PodLabels",
		},
		"no field": {
			func(c *kubernetes.Config) { *c = kubernetes.Config{} },
			allFields,
		},
		"invalid Namespace": {
			func(c *kubernetes.Config) { c.Namespace = "Not A Name" },
			"Config.Namespace: ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := validConfig("default")
			test.change(config)
			for _, err := range []error{
				config.Validate(), kubernetes.NewDiscovery(config).Initialize(),
			} {
				requireErrors(t, err, kubepeers.ErrInvalidConfig, discovery.ErrInvalidConfig)
				if !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %q; want it to contain %q", err, test.want)
				}
			}
		})
	}
}

func TestNilConfigIsEmptyConfig(t *testing.T) {
	err := kubernetes.NewDiscovery(nil).Initialize()
	requireErrors(t, err, discovery.ErrInvalidConfig, kubepeers.ErrInvalidConfig)
}
