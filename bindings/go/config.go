package kubepeers

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubepeers/kubepeers/bindings/go/internal/settings"
)

// Config says which pods are peers. Every field is required.
type Config struct {
	// Namespace is the namespace of the pods.
	Namespace string
	// DiscoveryPortName is the name of the container port that DiscoverPeers answers with.
	DiscoveryPortName string
	// RemotingPortName is the name of the port that Node.RemotingPort is; a peer need not have one.
	RemotingPortName string
	// PeersPortName is the name of the port that Node.PeersPort is; the same.
	PeersPortName string
	// PodLabels are the labels that every peer has. All must match.
	PodLabels map[string]string
}

// apply leaves out what is empty: the library knows which keys are required.
func (c Config) apply(s *settings.Settings) error {
	labels, err := labelText(c.PodLabels)
	if err != nil {
		return err
	}
	for _, field := range []struct{ key, value string }{
		{"namespace", c.Namespace},
		{"discovery_port_name", c.DiscoveryPortName},
		{"remoting_port_name", c.RemotingPortName},
		{"peers_port_name", c.PeersPortName},
		{"pod_labels", labels},
	} {
		if field.value != "" {
			s.Set(field.key, field.value)
		}
	}
	return nil
}

// labelText writes labels as k=v,k2=v2. The text has no escapes, so what
// separates labels may not be in one: it would become another label.
func labelText(labels map[string]string) (string, error) {
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		value := labels[key]
		if strings.ContainsAny(key+value, ",=") {
			return "", &Error{
				Status:  ErrInvalidConfig,
				Message: fmt.Sprintf("`pod_labels`: %q = %q: a label holds no comma and no equals sign", key, value),
			}
		}
		pairs = append(pairs, key+"="+value)
	}
	return strings.Join(pairs, ","), nil
}
