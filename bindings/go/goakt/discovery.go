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

// registerTimeout is how long Initialize and Register wait. Since GoAkt 4.4.0, Start
// calls Initialize three times, so it reports the reason after about a minute.
const registerTimeout = 20 * time.Second

// discoverTimeout is how long DiscoverPeers waits. The cluster engine gives up after ten
// attempts, so a wait in each of them gives the peers more time to become known.
const discoverTimeout = 3 * time.Second

// Discovery implements GoAkt's discovery.Provider. It must be created by [NewDiscovery]
// or [New]. Any number of goroutines may use it at once.
//
// GoAkt calls the methods whenever the actor system starts and stops: Initialize,
// Register and DiscoverPeers, and at the end Deregister and Close. Before Initialize and
// after Close, Register, DiscoverPeers and Deregister return
// discovery.ErrNotInitialized.
//
// The errors are those of kubepeers. errors.Is also matches them against the GoAkt error
// with the same meaning, if there is one.
type Discovery struct {
	config          kubepeers.Config
	registerTimeout time.Duration

	mutex    sync.Mutex
	provider *kubepeers.Provider // nil before Initialize and after Close
}

var _ discovery.Provider = (*Discovery)(nil)

// NewDiscovery returns a provider. It copies the configuration and treats nil as an empty
// one. [Discovery.Initialize] validates the configuration.
func NewDiscovery(config *Config) *Discovery {
	if config == nil {
		config = new(Config)
	}
	return New(config.kubepeers())
}

// New is [NewDiscovery] for a program that needs settings that GoAkt's Config lacks, for
// example kubepeers.Config.Logger. The five fields of GoAkt's Config are required here as
// well. Do not set MaxStale: it makes [Discovery.DiscoverPeers] fail during an outage of
// the API server, and GoAkt founds a cluster after ten errors.
func New(config kubepeers.Config) *Discovery {
	config.PodLabels = maps.Clone(config.PodLabels)
	return &Discovery{config: config, registerTimeout: registerTimeout}
}

// ID returns "kubernetes", which is GoAkt's name for Kubernetes providers.
func (d *Discovery) ID() string { return discovery.ProviderKubernetes }

// Provider returns the underlying provider, which has methods such as Self, Health and
// Explain. Do not close it. The provider exists from the beginning of
// [Discovery.Initialize] until Initialize fails or [Discovery.Close] is called. At other
// times Provider returns nil. The methods of a nil provider return kubepeers.ErrClosed.
func (d *Discovery) Provider() *kubepeers.Provider {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.provider
}

// Initialize validates the configuration, registers, and waits until DiscoverPeers
// has a result. It waits for at most 20 s. It returns a permanent error at once, except
// for the API server's 401 and 403 (such as a missing Role), which it returns after about
// two seconds. If Initialize fails, it leaves nothing open and may be called again. If the
// provider is initialized or another Initialize is running, it returns
// discovery.ErrAlreadyInitialized and changes nothing.
func (d *Discovery) Initialize() error {
	provider, err := d.create()
	if err != nil {
		return translate(err)
	}
	if err := d.register(provider); err != nil {
		// GoAkt calls Initialize again, without Close.
		d.forget(provider)
		provider.Close()
		return translate(err)
	}
	return nil
}

// create creates and stores a provider. It fails if there is one.
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

// forget removes the provider, unless another one has replaced it.
func (d *Discovery) forget(provider *kubepeers.Provider) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.provider == provider {
		d.provider = nil
	}
}

// register registers the provider and waits for the first result.
func (d *Discovery) register(provider *kubepeers.Provider) error {
	ctx, cancel := context.WithTimeout(context.Background(), d.registerTimeout)
	defer cancel()
	if err := provider.Register(ctx); err != nil {
		return err
	}
	return firstResult(ctx, provider)
}

// firstResult waits until DiscoverPeers has a result or a permanent error. It uses Watch,
// because DiscoverPeers keeps waiting on most permanent errors.
func firstResult(ctx context.Context, provider *kubepeers.Provider) error {
	var lastErr error
	for _, err := range provider.Watch(ctx) {
		if err == nil || !kubepeers.IsRetryable(err) {
			return err
		}
		lastErr = err
	}
	if lastErr == nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", ctx.Err(), lastErr)
}

// Register registers again after [Discovery.Deregister] and waits like
// [Discovery.Initialize]. If the provider is registered, as after Initialize, Register
// returns nil at once. If Register fails, the provider is not registered.
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

// DiscoverPeers returns the addresses of the peers from memory, each as "ip:port" with the
// gossip port. The calling pod is not among them. An empty result means that the calling
// pod is alone. If the peers are not known, DiscoverPeers waits for at most 3 s and then
// returns an error.
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

// Deregister stops the watcher and ends waiting calls. Register may be called again.
func (d *Discovery) Deregister() error {
	provider := d.Provider()
	if provider == nil {
		return discovery.ErrNotInitialized
	}
	return translate(provider.Deregister())
}

// Close closes the underlying provider and ends waiting calls, including Initialize.
// Initialize may be called again. Before Initialize and after Close, Close returns nil.
func (d *Discovery) Close() error {
	provider := d.Provider()
	if provider == nil {
		return nil
	}
	d.forget(provider)
	return translate(provider.Close())
}
