package capi

/*
#include <kubepeers.h>

// Neither keeps what it is given, nor calls back into Go.
#cgo noescape kubepeers_copy_addresses
#cgo nocallback kubepeers_copy_addresses
#cgo nocallback kubepeers_generation
*/
import "C"

import (
	"strings"
	"sync"
	"unsafe"
)

// Generation is that of the list that kubepeers_discover_peers would give at
// once; 0 if it would not, and in the other cases that kubepeers.h lists.
func (p Provider) Generation() uint64 {
	return uint64(C.kubepeers_generation(C.kubepeers_provider(p)))
}

// Addresses are those of the list that kubepeers_discover_peers would give at
// once, with its generation. If that is known, they are nil; else never. It does not wait.
func (p Provider) Addresses(known uint64) ([]string, uint64, *Failure) {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	for {
		length, generation, failure := p.copyAddresses(known, *buffer)
		switch {
		case failure != nil:
			return nil, 0, failure
		case generation == known:
			return nil, known, nil
		case length <= len(*buffer):
			return split(string((*buffer)[:length])), generation, nil
		}
		*buffer = make([]byte, length)
	}
}

// Lists are of one size for long.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

func (p Provider) copyAddresses(known uint64, buffer []byte) (int, uint64, *Failure) {
	var length C.size_t
	var generation C.uint64_t
	var err *C.kubepeers_error
	status := C.kubepeers_copy_addresses(C.kubepeers_provider(p), C.uint64_t(known), 0,
		(*C.char)(unsafe.Pointer(unsafe.SliceData(buffer))), C.size_t(len(buffer)), &length, &generation, &err)
	return int(length), uint64(generation), outcome(status, &err)
}

// split cuts a text in which each address is ended by NUL. All share its memory.
func split(text string) []string {
	addresses := make([]string, 0, strings.Count(text, "\x00"))
	for text != "" {
		var address string
		address, text, _ = strings.Cut(text, "\x00")
		addresses = append(addresses, address)
	}
	return addresses
}
