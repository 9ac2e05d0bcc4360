// Package capi is the C ABI of libkubepeers in Go types, and the only package
// that uses cgo. It adds no rules of its own: what a call means is written in
// kubepeers.h.
//
// The shared library is linked, never a static one: two Rust archives in one
// Go program clash.
package capi

/*
#cgo pkg-config: kubepeers
#include <kubepeers.h>
*/
import "C"

// DefaultTimeout as a timeout means the one of the configuration.
const DefaultTimeout = -1

// Provider is the library's checked handle: any number is safe to use, only a
// live one works. 0 is never live.
type Provider uint64

// ID is the name of the discovery provider.
func ID() string {
	return C.GoString(C.kubepeers_id())
}

// Init makes a provider from a configuration, and leaves *provider alone on
// failure. It does not block.
func Init(configuration []Pair, provider *Provider) *Failure {
	config := C.kubepeers_config_new()
	defer C.kubepeers_config_free(config)
	for _, pair := range configuration {
		if failure := set(config, pair); failure != nil {
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

// Register may block for as long as the timeout.
func (p Provider) Register(timeoutMS int32) *Failure {
	var err *C.kubepeers_error
	return outcome(C.kubepeers_register(C.kubepeers_provider(p), C.int32_t(timeoutMS), &err), &err)
}

// Wait waits for peers newer than a generation, for as long as the timeout. With
// generation 0 it is kubepeers_discover_peers.
func (p Provider) Wait(afterGeneration uint64, timeoutMS int32) (Nodes, *Failure) {
	var peers *C.kubepeers_peers
	var err *C.kubepeers_error
	status := C.kubepeers_wait(C.kubepeers_provider(p), C.uint64_t(afterGeneration), C.int32_t(timeoutMS), &peers, &err)
	return takeNodes(peers), outcome(status, &err)
}

// WaitForPeers waits, at most timeoutMS, for at least min peers whose addresses
// have been the same for stableForMS.
func (p Provider) WaitForPeers(min uint, stableForMS, timeoutMS int32) (Nodes, *Failure) {
	var peers *C.kubepeers_peers
	var err *C.kubepeers_error
	status := C.kubepeers_wait_for_peers(C.kubepeers_provider(p), C.size_t(min), C.int32_t(stableForMS), C.int32_t(timeoutMS), &peers, &err)
	return takeNodes(peers), outcome(status, &err)
}

// Refresh requests a list, if request is 0, and waits for it, at most timeoutMS.
// It stores the number of the request, with which it can be called again.
func (p Provider) Refresh(request *uint64, timeoutMS int32) *Failure {
	number := C.uint64_t(*request)
	var err *C.kubepeers_error
	status := C.kubepeers_refresh(C.kubepeers_provider(p), &number, C.int32_t(timeoutMS), &err)
	*request = uint64(number)
	return outcome(status, &err)
}

// Self returns this pod, or no node for an observer. It waits, at most timeoutMS,
// until the pods have been listed and this pod is one of them.
func (p Provider) Self(timeoutMS int32) (Nodes, *Failure) {
	var self *C.kubepeers_peers
	var err *C.kubepeers_error
	status := C.kubepeers_get_self(C.kubepeers_provider(p), C.int32_t(timeoutMS), &self, &err)
	return takeNodes(self), outcome(status, &err)
}

// ChangeDescriptor is readable when there may be something new. It is the caller's to close.
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

// Close ends the provider and wakes every call that waits. Closing again is no failure.
func (p Provider) Close() *Failure {
	var err *C.kubepeers_error
	return outcome(C.kubepeers_close(C.kubepeers_provider(p), &err), &err)
}
