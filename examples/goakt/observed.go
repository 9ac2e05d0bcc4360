package main

import (
	"encoding/json"
	"os"
	"sync"
	"time"

	"github.com/tochemey/goakt/v4/discovery"
)

// observed tells of the moments of a provider that matter to whoever measures a start.
type observed struct {
	discovery.Provider
	first sync.Once
}

func (o *observed) Register() error {
	err := o.Provider.Register()
	tell("provider registered", map[string]any{"error": text(err)})
	return err
}

func (o *observed) DiscoverPeers() ([]string, error) {
	peers, err := o.Provider.DiscoverPeers()
	o.first.Do(func() { tell("first answer", map[string]any{"peers": peers, "error": text(err)}) })
	return peers, err
}

// tell writes one line of JSON to stdout.
func tell(event string, more map[string]any) {
	line := map[string]any{"event": event, "unix_ms": float64(time.Now().UnixMicro()) / 1000}
	for key, value := range more {
		line[key] = value
	}
	json.NewEncoder(os.Stdout).Encode(line)
}

// text is nil, JSON's null, where there is no error.
func text(err error) any {
	if err == nil {
		return nil
	}
	return err.Error()
}
