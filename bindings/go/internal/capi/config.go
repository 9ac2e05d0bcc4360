package capi

/*
#include <stdlib.h>
#include <kubepeers.h>
*/
import "C"

import (
	"fmt"
	"strings"
	"unsafe"
)

// Pair is a configuration key and its value as text.
type Pair struct{ Key, Value string }

func setPair(config *C.kubepeers_config, pair Pair) *Failure {
	// A C string ends at the first NUL, so the rest would be lost silently.
	if strings.ContainsRune(pair.Key, 0) || strings.ContainsRune(pair.Value, 0) {
		message := fmt.Sprintf("`%s`: contains a NUL byte", pair.Key)
		return &Failure{Status: InvalidConfig, Message: message}
	}
	key, value := C.CString(pair.Key), C.CString(pair.Value)
	defer C.free(unsafe.Pointer(key))
	defer C.free(unsafe.Pointer(value))
	var err *C.kubepeers_error
	return outcome(C.kubepeers_config_set(config, key, value, &err), &err)
}
