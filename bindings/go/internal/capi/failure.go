package capi

// #include <kubepeers.h>
import "C"

// Failure says why a call failed. It does not implement error, so that a nil *Failure
// cannot become an error that is not nil.
type Failure struct {
	Status     int32
	Message    string
	Retryable  bool
	HTTPStatus int
	Manifest   string // "" if there is none
}

// outcome copies the error of a call and frees it. It returns nil if the call
// succeeded. It takes a pointer to the error variable, because the call that sets the
// variable may be another argument of outcome, and Go may read the variable first.
func outcome(status C.kubepeers_status, err **C.kubepeers_error) *Failure {
	if status == C.KUBEPEERS_OK {
		return nil
	}
	defer C.kubepeers_error_free(*err)
	return failure(status, *err)
}

// failure copies an error.
func failure(status C.kubepeers_status, err *C.kubepeers_error) *Failure {
	return &Failure{
		Status:     int32(status),
		Message:    C.GoString(C.kubepeers_error_message(err)),
		Retryable:  C.kubepeers_error_is_retryable(err) != 0,
		HTTPStatus: int(C.kubepeers_error_http_status(err)),
		Manifest:   C.GoString(C.kubepeers_error_manifest(err)),
	}
}
