package capi

// #include <kubepeers.h>
import "C"

// The statuses, from the header.
const (
	InvalidArgument    = C.KUBEPEERS_INVALID_ARGUMENT
	InvalidUTF8        = C.KUBEPEERS_INVALID_UTF8
	UnknownKey         = C.KUBEPEERS_UNKNOWN_KEY
	InvalidConfig      = C.KUBEPEERS_INVALID_CONFIG
	InvalidHandle      = C.KUBEPEERS_INVALID_HANDLE
	Closed             = C.KUBEPEERS_CLOSED
	Forked             = C.KUBEPEERS_FORKED
	AlreadyInitialized = C.KUBEPEERS_ALREADY_INITIALIZED
	NotInitialized     = C.KUBEPEERS_NOT_INITIALIZED
	AlreadyRegistered  = C.KUBEPEERS_ALREADY_REGISTERED
	NotRegistered      = C.KUBEPEERS_NOT_REGISTERED
	NotSynced          = C.KUBEPEERS_NOT_SYNCED
	SelfNotVisible     = C.KUBEPEERS_SELF_NOT_VISIBLE
	SelfExcluded       = C.KUBEPEERS_SELF_EXCLUDED
	Timeout            = C.KUBEPEERS_TIMEOUT
	NotInCluster       = C.KUBEPEERS_NOT_IN_CLUSTER
	NoCredentials      = C.KUBEPEERS_NO_CREDENTIALS
	NoIdentity         = C.KUBEPEERS_NO_IDENTITY
	TLS                = C.KUBEPEERS_TLS
	Unauthorized       = C.KUBEPEERS_UNAUTHORIZED
	Forbidden          = C.KUBEPEERS_FORBIDDEN
	NoResources        = C.KUBEPEERS_NO_RESOURCES
	Unavailable        = C.KUBEPEERS_UNAVAILABLE
	Stale              = C.KUBEPEERS_STALE
	Internal           = C.KUBEPEERS_INTERNAL
)

// StatusName returns the name of a status without its prefix, or "UNKNOWN" if the
// loaded library does not know the number.
func StatusName(status int32) string {
	return C.GoString(C.kubepeers_status_name(C.kubepeers_status(status)))
}
