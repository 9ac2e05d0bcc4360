package goakt

import (
	"strings"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// Config says which pods are peers. It has the fields of GoAkt's own, and as
// there, all are required.
type Config kubepeers.Config

// missing returns an error that names the fields without a value.
func (c Config) missing() error {
	var missing []string
	for _, field := range []struct {
		name  string
		empty bool
	}{
		{"Namespace", c.Namespace == ""},
		{"DiscoveryPortName", c.DiscoveryPortName == ""},
		{"RemotingPortName", c.RemotingPortName == ""},
		{"PeersPortName", c.PeersPortName == ""},
		{"PodLabels", len(c.PodLabels) == 0},
	} {
		if field.empty {
			missing = append(missing, field.name)
		}
	}
	if missing == nil {
		return nil
	}
	message := "missing required configuration: set " + strings.Join(missing, " and ")
	return &kubepeers.Error{Status: kubepeers.ErrInvalidConfig, Message: message}
}

// Validate says what Initialize would. It touches no network.
func (c Config) Validate() error {
	d := NewDiscovery(&c)
	defer d.Close()
	return d.Initialize()
}
