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

var statusNames = map[kubepeers.Status]string{
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

// unreachableStatuses cannot occur in Go: this package prevents the mistakes that they
// report, and a Go program does not survive a fork.
var unreachableStatuses = []string{
	"INVALID_UTF8", "UNKNOWN_KEY", "INVALID_HANDLE", "FORKED", "ALREADY_INITIALIZED",
	"NOT_INITIALIZED", "UNKNOWN",
}

func TestEveryReachableStatusHasConstant(t *testing.T) {
	for number := range 1000 {
		status := kubepeers.Status(-1 - number)
		name := status.String()
		want, hasConstant := statusNames[status]
		if hasConstant && name != want {
			t.Errorf("status %d: got name %s; want %s", int32(status), name, want)
		}
		if !hasConstant && !slices.Contains(unreachableStatuses, name) {
			t.Errorf("status %d, %s, has no constant", int32(status), name)
		}
	}
}

func TestErrorWrapsItsStatus(t *testing.T) {
	for status, name := range statusNames {
		err := error(&kubepeers.Error{Status: status, Message: "why"})
		for other := range statusNames {
			want := other == status
			if got := errors.Is(fmt.Errorf("wrapped: %w", err), other); got != want {
				t.Errorf("errors.Is(%v, %v): got %v; want %v", err, other, got, want)
			}
		}
		if got, want := err.Error(), "kubepeers: "+name+": why"; got != want {
			t.Errorf("got %q; want %q", got, want)
		}
		if got, want := status.Error(), "kubepeers: "+name; got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
}

func TestIsRetryable(t *testing.T) {
	retryable := &kubepeers.Error{Status: kubepeers.ErrNotSynced, Retryable: true}
	for _, c := range []struct {
		err  error
		want bool
	}{
		{retryable, true},
		{fmt.Errorf("discovery: %w", retryable), true},
		{&kubepeers.Error{Status: kubepeers.ErrNotSynced}, false},
		{errors.New("another error"), false},
		{nil, false},
	} {
		if got := kubepeers.IsRetryable(c.err); got != c.want {
			t.Errorf("%v: got %v; want %v", c.err, got, c.want)
		}
	}
}

func TestMessagesNameFieldsOfConfig(t *testing.T) {
	c := newCluster(t)
	c.run("pod", "--namespace", c.namespace, "--service-account", "demo", "--label", "app=other",
		"--phase", "Running", "--ip", "10.1.0.1", "--port", "gossip=3322", "self")
	for name, test := range map[string]struct {
		change configChange
		status kubepeers.Status
		want   []string
	}{
		"labels": {
			func(*kubepeers.Config) {},
			kubepeers.ErrSelfExcluded,
			[]string{"Config.PodLabels is", "set Config.Membership = Observer"},
		},
		"service account": {
			func(c *kubepeers.Config) { c.ServiceAccountDir = "/missing" },
			kubepeers.ErrNoCredentials,
			[]string{"set Config.ServiceAccountDir or Config.Kubeconfig"},
		},
		"kubeconfig": {
			func(c *kubepeers.Config) { c.ServiceAccountDir, c.Kubeconfig = "", "/missing" },
			kubepeers.ErrNoCredentials,
			[]string{"check the path in Config.Kubeconfig"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := c.config("self")
			test.change(&config)
			provider := newProvider(t, config)
			err := provider.Register(t.Context())
			if err == nil {
				err = errorOf(provider.DiscoverPeers(t.Context()))
			}
			got := requireStatus(t, err, test.status).Message
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("got %q; want it to contain %q", got, want)
				}
			}
			if strings.Contains(got, "_") {
				t.Errorf("got %q; want a message without keys of the library", got)
			}
		})
	}
}

func TestIncompatibleLibraryIsRejected(t *testing.T) {
	requireNoError(t, kubepeers.CheckVersion(capi.LibraryVersion(), capi.HeaderVersion))
	err := kubepeers.CheckVersion(2_003_004, 1_002_003)
	if !errors.Is(err, kubepeers.ErrIncompatibleLibrary) {
		t.Fatalf("got %v; want %v", err, kubepeers.ErrIncompatibleLibrary)
	}
	for _, want := range []string{"2.3.4 is loaded", "kubepeers.h 1.2.3"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q; want it to contain %q", err, want)
		}
	}
}
