package goakt

import (
	"context"
	"fmt"
	"time"

	"github.com/tochemey/goakt/v4/discovery"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// patience is how long Register waits in all. A pod that has no answer by then
// is better started again by Kubernetes.
const patience = 30 * time.Second

// Discovery is a discovery.Provider of GoAkt. The provider in it tells more:
// Nodes, Health, ExplainTable and so on.
//
// The errors of the methods that are listed here are those of kubepeers and,
// where GoAkt has one that means the same, that one too: errors.Is finds both.
type Discovery struct {
	*kubepeers.Provider
	config   Config
	patience time.Duration
}

var _ discovery.Provider = (*Discovery)(nil)

// NewDiscovery makes a provider. Nothing is checked or started until
// Initialize; GoAkt calls that, and the rest, when the actor system starts and
// stops. It may start and stop any number of times.
func NewDiscovery(config *Config, options ...kubepeers.Option) *Discovery {
	if config == nil {
		config = new(Config) // Initialize says what is missing.
	}
	return &Discovery{kubepeers.New(kubepeers.Config(*config), options...), *config, patience}
}

// Initialize checks the whole configuration. It touches no network.
func (d *Discovery) Initialize() error {
	if err := d.config.missing(); err != nil {
		return translate(err)
	}
	return translate(d.Provider.Initialize())
}

// Register starts to watch the pods, and waits until DiscoverPeers can answer.
//
// If it cannot in half a minute, Register gives the reason and nothing is
// registered: GoAkt would take as many errors of DiscoverPeers for being alone.
func (d *Discovery) Register() error { return d.RegisterContext(context.Background()) }

// RegisterContext is Register, unless ctx ends first.
func (d *Discovery) RegisterContext(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, d.patience)
	defer cancel()
	if err := d.Provider.RegisterContext(ctx); err != nil {
		return translate(err)
	}
	if err := d.firstAnswer(ctx); err != nil {
		d.Provider.Deregister()
		return translate(err)
	}
	return nil
}

// firstAnswer waits for peers, or for an error that no waiting fixes: a missing
// Role may become known while it waits.
func (d *Discovery) firstAnswer(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var missing error
	for update := range d.Provider.Watch(ctx) {
		if update.Err == nil || !kubepeers.IsRetryable(update.Err) {
			return update.Err
		}
		missing = update.Err
	}
	if missing != nil {
		return fmt.Errorf("%w: %w", ctx.Err(), missing)
	}
	return ctx.Err()
}

// DiscoverPeers gives the addresses of the peers, without the own one. It
// answers from memory. Empty means alone; whatever is not known is an error.
func (d *Discovery) DiscoverPeers() ([]string, error) {
	peers, err := d.Provider.DiscoverPeers()
	return peers, translate(err)
}

// Deregister stops watching. Register may be called again.
func (d *Discovery) Deregister() error { return translate(d.Provider.Deregister()) }
