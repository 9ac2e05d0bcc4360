// Package capi is the C ABI of libkubepeers in Go types. It is the only package
// that uses cgo, and it adds no rules: kubepeers.h documents the calls.
//
// It links the shared library, because two static Rust libraries in one Go program
// clash.
package capi

/*
#cgo pkg-config: kubepeers
#include <kubepeers.h>
*/
import "C"

// Provider is a handle of the library. The library validates handles, so every number is
// safe to use. 0 is never a provider.
//
// The methods call the library with a timeout of 0, so that they return at once.
type Provider uint64

// Init creates a provider from a configuration. If it fails, *provider is unchanged.
func Init(configuration []Pair, provider *Provider) *Failure {
	config := C.kubepeers_config_new()
	defer C.kubepeers_config_free(config)
	for _, pair := range configuration {
		if failure := setPair(config, pair); failure != nil {
			return failure
		}
	}
	handle := C.kubepeers_provider(*provider)
	var err *C.kubepeers_error
	if failure := outcome(C.kubepeers_init(config, &handle, &err), &err); failure != nil {
		return failure
	}
	*provider = Provider(handle)
	return nil
}

// Register starts the watcher. It blocks only to read files.
func (p Provider) Register() *Failure {
	var err *C.kubepeers_error
	return outcome(C.kubepeers_register(C.kubepeers_provider(p), 0, &err), &err)
}

// Refresh requests a list if *request is 0 and stores the number of the request in
// *request. With that number, it returns the state of the same request.
func (p Provider) Refresh(request *uint64) *Failure {
	number := C.uint64_t(*request)
	var err *C.kubepeers_error
	status := C.kubepeers_refresh(C.kubepeers_provider(p), &number, 0, &err)
	*request = uint64(number)
	return outcome(status, &err)
}

// ChangeDescriptor returns a descriptor that is readable when a call may have a new
// outcome. The caller must close it.
func (p Provider) ChangeDescriptor() (uintptr, *Failure) {
	var fd C.int
	var err *C.kubepeers_error
	status := C.kubepeers_change_fd(C.kubepeers_provider(p), &fd, &err)
	return uintptr(fd), outcome(status, &err)
}

// Deregister stops the watcher.
func (p Provider) Deregister() *Failure {
	var err *C.kubepeers_error
	return outcome(C.kubepeers_deregister(C.kubepeers_provider(p), &err), &err)
}

// Close closes the provider and ends all waiting calls. A closed provider may be
// closed again.
func (p Provider) Close() *Failure {
	var err *C.kubepeers_error
	return outcome(C.kubepeers_close(C.kubepeers_provider(p), &err), &err)
}
