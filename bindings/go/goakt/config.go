package goakt

import (
	"strings"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// Config says which pods are peers. It has the fields of GoAkt's Config. All fields are
// required.
type Config struct {
	// Namespace is the namespace of the pods.
	Namespace string
	// DiscoveryPortName is the name of the container port for gossip. Its number must be
	// the one passed to WithDiscoveryPort.
	DiscoveryPortName string
	// RemotingPortName is the name of the container port for remoting. A peer need not
	// have it.
	RemotingPortName string
	// PeersPortName is the name of the container port for the cluster engine. A peer need
	// not have it.
	PeersPortName string
	// PodLabels are the labels that every peer has. All of them must match.
	PodLabels map[string]string
}

// Validate returns an error that wraps discovery.ErrInvalidConfig if a field is missing
// or invalid. It does no I/O.
func (c Config) Validate() error {
	config := c.kubepeers()
	if err := validate(config); err != nil {
		return translate(err)
	}
	provider, err := kubepeers.New(config)
	if err != nil {
		return translate(err)
	}
	return provider.Close()
}

func (c Config) kubepeers() kubepeers.Config {
	return kubepeers.Config{
		Namespace:         c.Namespace,
		DiscoveryPortName: c.DiscoveryPortName,
		RemotingPortName:  c.RemotingPortName,
		PeersPortName:     c.PeersPortName,
		PodLabels:         c.PodLabels,
	}
}

// validate returns an error that names all required fields that are missing. GoAkt
// requires more fields than kubepeers.
func validate(c kubepeers.Config) error {
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
			missing = append(missing, "Config."+field.name)
		}
	}
	if missing == nil {
		return nil
	}
	return &kubepeers.Error{
		Status:  kubepeers.ErrInvalidConfig,
		Message: "missing required fields: set " + strings.Join(missing, ", "),
	}
}
