//go:build panics

package capi

/*
#cgo LDFLAGS: -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

// Looked up at run time, because the library that the header belongs to lacks it.
static int32_t want_panic(int32_t place)
{
	int32_t (*want)(int32_t);
	*(void **)&want = dlsym(RTLD_DEFAULT, "kubepeers_want_panic");
	return want ? want(place) : -1;
}
*/
import "C"

// WantPanic makes the library panic at one of the places that src/panics.rs numbers.
// It returns the previously requested place if it was not reached, or a negative
// number if the library cannot panic on demand.
func WantPanic(place int32) int32 {
	return int32(C.want_panic(C.int32_t(place)))
}
