package capi

// #include <kubepeers.h>
import "C"

import "fmt"

// Version is major * 1000000 + minor * 1000 + patch.
type Version uint32

// HeaderVersion is the version of the kubepeers.h that this package was compiled with.
const HeaderVersion Version = C.KUBEPEERS_VERSION_NUMBER

// LibraryVersion returns the version of the loaded library.
func LibraryVersion() Version {
	return Version(C.kubepeers_version_number())
}

// Serves reports whether a library of version v has everything that a header of
// another version declares. Additions raise the minor version, and nothing is
// removed while the major version is the same (docs/abi.md).
func (v Version) Serves(header Version) bool {
	return v.major() == header.major() && v.minor() >= header.minor()
}

func (v Version) String() string {
	return fmt.Sprintf("%d.%d.%d", v.major(), v.minor(), v%1000)
}

func (v Version) major() Version { return v / 1_000_000 }
func (v Version) minor() Version { return v / 1_000 % 1_000 }
