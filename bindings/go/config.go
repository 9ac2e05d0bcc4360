package kubepeers

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubepeers/kubepeers/bindings/go/internal/settings"
)

// Config says which pods are peers. PodLabels and DiscoveryPortName are required.
type Config struct {
	// Namespace is the namespace of the pods. By default it is the namespace of this
	// pod, or of the kubeconfig's context.
	Namespace string
	// DiscoveryPortName is the name of the container port in the peers' addresses.
	DiscoveryPortName string
	// RemotingPortName is the name of the port of Node.RemotingPort. A peer need not
	// have it. If it is "", the port is 0.
	RemotingPortName string
	// PeersPortName is the same for Node.PeersPort.
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
