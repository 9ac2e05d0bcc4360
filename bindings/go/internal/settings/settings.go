// Package settings is what an Option of the public package changes. It is
// apart from it so that the conformance probe can make options of its own.
package settings

import (
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// Settings is how a provider is to be made.
type Settings struct {
	// Pairs is the configuration. The library checks it, and only the library.
	Pairs []capi.Pair

	// Logger, if set, gets the library's log records.
	Logger *slog.Logger

	// Initialized, if set, is told the handle.
	Initialized func(capi.Provider)
}

// Set adds a key; of two values of a key the later one counts.
func (s *Settings) Set(key, value string) {
	s.Pairs = append(s.Pairs, capi.Pair{Key: key, Value: value})
}

// SetMilliseconds adds a key that is a time.
func (s *Settings) SetMilliseconds(key string, d time.Duration) {
	s.Set(key, strconv.FormatInt(Milliseconds(d), 10))
}

// Value is what a key was set to; "" if it was not.
func (s *Settings) Value(key string) string {
	for _, pair := range slices.Backward(s.Pairs) {
		if pair.Key == key {
			return pair.Value
		}
	}
	return ""
}

// Duration is the time that a key was set to, in a configuration that the
// library has accepted; otherwise what the library takes it for.
func (s *Settings) Duration(key string, otherwise time.Duration) time.Duration {
	milliseconds, err := strconv.ParseInt(s.Value(key), 10, 64)
	if err != nil {
		return otherwise
	}
	return time.Duration(milliseconds) * time.Millisecond
}

// Milliseconds rounds away from zero: neither a short timeout nor a negative
// one may become 0, which means not to wait.
func Milliseconds(d time.Duration) int64 {
	milliseconds := d.Milliseconds()
	switch rest := d % time.Millisecond; {
	case rest > 0:
		milliseconds++
	case rest < 0:
		milliseconds--
	}
	return milliseconds
}
