//go:build !cgo

package capi

// This error is clearer than "build constraints exclude all Go files".
var _ = kubepeers_needs_CGO_ENABLED_1_and_a_C_compiler
