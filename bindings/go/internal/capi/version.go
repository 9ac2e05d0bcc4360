package capi

// #include <kubepeers.h>
import "C"

import "fmt"

// Version is major * 1000000 + minor * 1000 + patch.
type Version uint32

// HeaderVersion is the version of the kubepeers.h that this package was compiled with.
const HeaderVersion Version = C.KUBEPEERS_VERSION_NUMBER

// LibraryVersion is the version of the library that is loaded.
func LibraryVersion() Version {
	return Version(C.kubepeers_version_number())
}

// Serves says whether a library of version v has what a header of another
// version promises: the same major and, as long as that is 0, the same minor.
func (v Version) Serves(header Version) bool {
	if v.major() == 0 {
		return v.major() == header.major() && v.minor() == header.minor()
	}
	return v.major() == header.major()
}

func (v Version) String() string {
	return fmt.Sprintf("%d.%d.%d", v.major(), v.minor(), v%1000)
}

func (v Version) major() Version { return v / 1_000_000 }
func (v Version) minor() Version { return v / 1_000 % 1_000 }
