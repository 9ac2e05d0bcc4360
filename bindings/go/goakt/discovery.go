package goakt

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/tochemey/goakt/v4/discovery"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// patience is how long Initialize and Register wait. Since GoAkt 4.4.0 Start tries
// three times, so that it reports the reason after a minute.
const patience = 20 * time.Second

// discoverTimeout is how long DiscoverPeers waits. The cluster engine counts the
// attempts, so that a wait gives them more time.
const discoverTimeout = 3 * time.Second

// Discovery is a discovery.Provider of GoAkt.
//
// Its errors are those of kubepeers and, where GoAkt has one with the same meaning,
// also that one: errors.Is finds both.
type Discovery struct {
	config   kubepeers.Config
	patience time.Duration

	mutex    sync.Mutex
	provider *kubepeers.Provider // nil unless it is initialized
}

var _ discovery.Provider = (*Discovery)(nil)

// NewDiscovery returns a provider. [Discovery.Initialize] validates the
// configuration. GoAkt calls it, and the other methods, when the actor system starts
// and stops, any number of times. Nil is an empty Config.
func NewDiscovery(config *Config) *Discovery {
	if config == nil {
		config = new(Config)
	}
	return New(config.kubepeers())
}

// New is [NewDiscovery] for a program that needs more settings than GoAkt's Config
// has, for example kubepeers.Config.Logger.
func New(config kubepeers.Config) *Discovery {
	config.PodLabels = maps.Clone(config.PodLabels)
	return &Discovery{config: config, patience: patience}
}

// ID returns the name by which GoAkt knows the provider.
func (d *Discovery) ID() string { return discovery.ProviderKubernetes }

// Provider returns the provider behind this one, for Self, Health, Explain and so
// on. It exists from the beginning of [Discovery.Initialize] until
// [Discovery.Close]. Otherwise Provider returns nil, whose methods return
// kubepeers.ErrClosed.
func (d *Discovery) Provider() *kubepeers.Provider {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.provider
}

// Initialize validates the configuration, registers, and waits until DiscoverPeers
// has a result. It waits for at most 20 s, and not at all once a permanent error is
// known, such as a missing Role. If it fails, it leaves nothing open and may be
// called again.
func (d *Discovery) Initialize() error {
	provider, err := d.create()
	if err != nil {
		return translate(err)
	}
	if err := d.register(provider); err != nil {
		// GoAkt calls Initialize again, and does not close what has failed.
		d.forget(provider)
		provider.Close()
		return translate(err)
	}
	return nil
}

// create stores a new provider, unless there is one.
func (d *Discovery) create() (*kubepeers.Provider, error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.provider != nil {
		return nil, discovery.ErrAlreadyInitialized
	}
	if err := validate(d.config); err != nil {
		return nil, err
	}
	provider, err := kubepeers.New(d.config)
	if err != nil {
		return nil, err
	}
	d.provider = provider
	return provider, nil
}

// forget drops the provider, unless it has been replaced.
func (d *Discovery) forget(provider *kubepeers.Provider) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.provider == provider {
		d.provider = nil
	}
}

// register registers the provider and waits for the first result.
func (d *Discovery) register(provider *kubepeers.Provider) error {
	ctx, cancel := context.WithTimeout(context.Background(), d.patience)
	defer cancel()
	if err := provider.Register(ctx); err != nil {
		return err
	}
	return firstResult(ctx, provider)
}

// firstResult waits for peers, or for a permanent error, for which a wait is no use.
func firstResult(ctx context.Context, provider *kubepeers.Provider) error {
	var missing error
	for _, err := range provider.Watch(ctx) {
		if err == nil || !kubepeers.IsRetryable(err) {
			return err
		}
		missing = err
	}
	if missing == nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", ctx.Err(), missing)
}

// Register registers again after [Discovery.Deregister], and waits like
// [Discovery.Initialize]. If the provider is registered, as after Initialize, it
// returns nil.
func (d *Discovery) Register() error {
	provider := d.Provider()
	if provider == nil {
		return discovery.ErrNotInitialized
	}
	err := d.register(provider)
	switch {
	case err == nil || errors.Is(err, kubepeers.ErrAlreadyRegistered):
		return nil
	case !errors.Is(err, kubepeers.ErrClosed):
		provider.Deregister()
	}
	return translate(err)
}

// DiscoverPeers returns the addresses of the peers, without this pod. It returns
// from memory. An empty result means that this pod is alone. If the peers are not
// known, DiscoverPeers waits for 3 s and returns an error.
func (d *Discovery) DiscoverPeers() ([]string, error) {
	provider := d.Provider()
	if provider == nil {
		return nil, discovery.ErrNotInitialized
	}
	ctx, cancel := context.WithTimeout(context.Background(), discoverTimeout)
	defer cancel()
	peers, err := provider.DiscoverPeers(ctx)
	if err != nil {
		return nil, translate(err)
	}
	return peers.Addresses(), nil
}

// Deregister stops the watcher. Register may be called again.
func (d *Discovery) Deregister() error {
	provider := d.Provider()
	if provider == nil {
		return discovery.ErrNotInitialized
	}
	return translate(provider.Deregister())
}

// Close closes the provider, and ends calls that wait. Initialize may be called
// again. Without a provider it returns nil.
func (d *Discovery) Close() error {
	provider := d.Provider()
	if provider == nil {
		return nil
	}
	d.forget(provider)
	return translate(provider.Close())
}
