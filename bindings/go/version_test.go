package kubepeers

import (
	"errors"
	"strings"
	"testing"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

func TestVersionOfTheLibrary(t *testing.T) {
	if err := checkVersion(capi.LibraryVersion(), capi.HeaderVersion); err != nil {
		t.Error(err)
	}
	err := checkVersion(2_003_004, 1_002_003)
	if !errors.Is(err, ErrIncompatibleLibrary) {
		t.Fatalf("got %v", err)
	}
	for _, version := range []string{"2.3.4 is loaded", "kubepeers.h 1.2.3"} {
		if !strings.Contains(err.Error(), version) {
			t.Errorf("%q does not say %q", err, version)
		}
	}
}
