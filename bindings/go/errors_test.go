package kubepeers_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

var statuses = map[kubepeers.Status]string{
	kubepeers.ErrInvalidArgument:   "INVALID_ARGUMENT",
	kubepeers.ErrInvalidConfig:     "INVALID_CONFIG",
	kubepeers.ErrClosed:            "CLOSED",
	kubepeers.ErrAlreadyRegistered: "ALREADY_REGISTERED",
	kubepeers.ErrNotRegistered:     "NOT_REGISTERED",
	kubepeers.ErrNotSynced:         "NOT_SYNCED",
	kubepeers.ErrSelfNotVisible:    "SELF_NOT_VISIBLE",
	kubepeers.ErrSelfExcluded:      "SELF_EXCLUDED",
	kubepeers.ErrTimeout:           "TIMEOUT",
	kubepeers.ErrNotInCluster:      "NOT_IN_CLUSTER",
	kubepeers.ErrNoCredentials:     "NO_CREDENTIALS",
	kubepeers.ErrNoIdentity:        "NO_IDENTITY",
	kubepeers.ErrTLS:               "TLS",
	kubepeers.ErrUnauthorized:      "UNAUTHORIZED",
	kubepeers.ErrForbidden:         "FORBIDDEN",
	kubepeers.ErrNoResources:       "NO_RESOURCES",
	kubepeers.ErrUnavailable:       "UNAVAILABLE",
	kubepeers.ErrStale:             "STALE",
	kubepeers.ErrInternal:          "INTERNAL",
}

// cannotOccur are the statuses of mistakes that this package does not let a program
// make, and of forks, which a Go program does not survive.
var cannotOccur = []string{"INVALID_UTF8", "UNKNOWN_KEY", "INVALID_HANDLE", "FORKED", "ALREADY_INITIALIZED", "NOT_INITIALIZED", "UNKNOWN"}

func TestEveryStatusThatCanOccurHasAnError(t *testing.T) {
	for number := range 1000 {
		status := kubepeers.Status(-1 - number)
		name := status.String()
		if want, listed := statuses[status]; name != want && (listed || !slices.Contains(cannotOccur, name)) {
			t.Errorf("%d is %s in the library and %q here", int32(status), name, want)
		}
	}
}

func TestErrorIsItsStatus(t *testing.T) {
	for status, name := range statuses {
		err := error(&kubepeers.Error{Status: status, Message: "why"})
		for other := range statuses {
			if errors.Is(fmt.Errorf("wrapped: %w", err), other) != (other == status) {
				t.Errorf("errors.Is(%v, %v) is wrong", err, other)
			}
		}
		if text, want := err.Error(), "kubepeers: "+name+": why"; text != want {
			t.Errorf("%q, want %q", text, want)
		}
		if text, want := status.Error(), "kubepeers: "+name; text != want {
			t.Errorf("%q, want %q", text, want)
		}
	}
}

func TestIsRetryable(t *testing.T) {
	for _, c := range []struct {
		err       error
		retryable bool
	}{
		{&kubepeers.Error{Status: kubepeers.ErrNotSynced, Retryable: true}, true},
		{&kubepeers.Error{Status: kubepeers.ErrNotSynced}, false},
		{fmt.Errorf("discovery: %w", &kubepeers.Error{Status: kubepeers.ErrTimeout, Retryable: true}), true},
		{errors.New("another"), false},
		{nil, false},
	} {
		if kubepeers.IsRetryable(c.err) != c.retryable {
			t.Errorf("%v: not %v", c.err, c.retryable)
		}
	}
}

func TestMessagesNameFields(t *testing.T) {
	c := newCluster(t)
	c.run("pod", "--namespace", c.namespace, "--service-account", "demo", "--label", "app=other", "--phase", "Running",
		"--ip", "10.1.0.1", "--port", "gossip=3322", "self")
	for name, x := range map[string]struct {
		change func(*kubepeers.Config)
		status kubepeers.Status
		words  []string
	}{
		"labels":     {func(*kubepeers.Config) {}, kubepeers.ErrSelfExcluded, []string{"Config.PodLabels are", "Set Config.Membership = Observer"}},
		"directory":  {func(c *kubepeers.Config) { c.ServiceAccountDir = "/nowhere" }, kubepeers.ErrNoCredentials, []string{"set Config.ServiceAccountDir or Config.Kubeconfig"}},
		"kubeconfig": {func(c *kubepeers.Config) { c.ServiceAccountDir, c.Kubeconfig = "", "/nowhere" }, kubepeers.ErrNoCredentials, []string{"check the path in Config.Kubeconfig"}},
	} {
		t.Run(name, func(t *testing.T) {
			config := c.config("self")
			x.change(&config)
			provider := create(t, config)
			err := provider.Register(t.Context())
			if err == nil {
				err = errorOf(provider.DiscoverPeers(t.Context()))
			}
			message := want(t, err, x.status).Message
			for _, words := range x.words {
				if !strings.Contains(message, words) {
					t.Errorf("%q, want %q", message, words)
				}
			}
			if strings.Contains(message, "_") {
				t.Errorf("%q names a key of the library", message)
			}
		})
	}
}

func TestVersionOfTheLibrary(t *testing.T) {
	succeed(t, kubepeers.CheckVersion(capi.LibraryVersion(), capi.HeaderVersion))
	err := kubepeers.CheckVersion(2_003_004, 1_002_003)
	if !errors.Is(err, kubepeers.ErrIncompatibleLibrary) {
		t.Fatalf("got %v", err)
	}
	for _, version := range []string{"2.3.4 is loaded", "kubepeers.h 1.2.3"} {
		if !strings.Contains(err.Error(), version) {
			t.Errorf("%q does not contain %q", err, version)
		}
	}
}
