package goakt

import (
	"time"

	"github.com/tochemey/goakt/v4/discovery"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// patience is how long Register waits for the first answer. A pod that is not
// seen by then is better started again by Kubernetes.
const patience = 30 * time.Second

// pause is between two questions, for a provider that does not wait itself.
const pause = 100 * time.Millisecond

// Discovery is a discovery.Provider of GoAkt. The provider in it tells more:
// Nodes, Health, ExplainTable and so on.
//
// The errors of GoAkt's methods are those of kubepeers and, where GoAkt has one
// that means the same, that one too: errors.Is finds both.
type Discovery struct {
	*kubepeers.Provider
	patience time.Duration
}

var _ discovery.Provider = (*Discovery)(nil)

// NewDiscovery makes a provider. Nothing is checked or started until
// Initialize; GoAkt calls that, and the rest, when the actor system starts and
// stops. It may start and stop any number of times.
func NewDiscovery(config *Config, options ...kubepeers.Option) *Discovery {
	return &Discovery{kubepeers.New(kubepeers.Config(*config), options...), patience}
}

// Initialize checks the whole configuration. It touches no network.
func (d *Discovery) Initialize() error { return translate(d.Provider.Initialize()) }

// Register starts to watch the pods, and waits until DiscoverPeers can answer.
//
// If it cannot in half a minute, Register gives the reason and nothing is
// registered: GoAkt would take as many errors of DiscoverPeers for being alone.
func (d *Discovery) Register() error {
	if err := d.Provider.Register(); err != nil {
		return translate(err)
	}
	err := d.firstAnswer()
	if err != nil {
		d.Provider.Deregister()
	}
	return translate(err)
}

func (d *Discovery) firstAnswer() error {
	for deadline := time.Now().Add(d.patience); ; time.Sleep(pause) {
		_, err := d.Provider.DiscoverPeers()
		if !kubepeers.IsRetryable(err) || time.Now().After(deadline) {
			return err
		}
	}
}

// DiscoverPeers gives the addresses of the peers, without the own one. It
// answers from memory. Empty means alone; whatever is not known is an error.
func (d *Discovery) DiscoverPeers() ([]string, error) {
	peers, err := d.Provider.DiscoverPeers()
	return peers, translate(err)
}

// Deregister stops watching. Register may be called again.
func (d *Discovery) Deregister() error { return translate(d.Provider.Deregister()) }
