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

// registerTimeout is how long Initialize and Register wait. Since GoAkt 4.4.0 Start
// calls Initialize three times, so that it reports the reason after a minute.
const registerTimeout = 20 * time.Second

// discoverTimeout is how long DiscoverPeers waits. The cluster engine limits the number
// of attempts, so that waiting extends the time until it gives up.
const discoverTimeout = 3 * time.Second

// Discovery is a discovery.Provider of GoAkt.
//
// Its errors are those of kubepeers. If GoAkt has an error with the same meaning,
// errors.Is finds that one, too.
type Discovery struct {
	config          kubepeers.Config
	registerTimeout time.Duration

	mutex    sync.Mutex
	provider *kubepeers.Provider // nil before Initialize and after Close
}

var _ discovery.Provider = (*Discovery)(nil)

// NewDiscovery returns a provider. A nil config is an empty one.
// [Discovery.Initialize] validates the configuration. GoAkt calls Initialize and the
// other methods whenever the actor system starts and stops.
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
	return &Discovery{config: config, registerTimeout: registerTimeout}
}

// ID returns GoAkt's name of Kubernetes providers.
func (d *Discovery) ID() string { return discovery.ProviderKubernetes }

// Provider returns the underlying provider, for example for its Self, Health and
// Explain. It exists from the beginning of [Discovery.Initialize] until
// [Discovery.Close]. Otherwise Provider returns nil, whose methods return
// kubepeers.ErrClosed.
func (d *Discovery) Provider() *kubepeers.Provider {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.provider
}

// Initialize validates the configuration, registers, and waits until DiscoverPeers
// has a result. It waits for at most 20 s, and returns a permanent error, such as a
// missing Role, at once. If it fails, it leaves nothing open and may be called
// again.
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

// firstResult waits until DiscoverPeers has a result or a permanent error. DiscoverPeers
// itself would wait on permanent errors, too.
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
// known, DiscoverPeers waits for at most 3 s and then returns an error.
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

// Close closes the provider and ends waiting calls. Initialize may be called again.
// If there is no provider, Close returns nil.
func (d *Discovery) Close() error {
	provider := d.Provider()
	if provider == nil {
		return nil
	}
	d.forget(provider)
	return translate(provider.Close())
}
