package capi

// #include <kubepeers.h>
import "C"

// Health says how reliable the results of a provider were at one moment.
type Health struct {
	AgeMS      int64 // negative: the pods have not been listed yet
	Stale      bool
	Watching   bool
	Polling    bool
	Failure    *Failure // nil if there is no error
	ErrorClass string   // "" if there is no error
}

// Health returns how reliable the results are now.
func (p Provider) Health() (Health, *Failure) {
	var health *C.kubepeers_health
	var err *C.kubepeers_error
	status := C.kubepeers_get_health(C.kubepeers_provider(p), &health, &err)
	return takeHealth(health), outcome(status, &err)
}

// takeHealth copies a record and frees it, with its error. The record of a failed call
// is NULL.
func takeHealth(health *C.kubepeers_health) Health {
	defer C.kubepeers_health_free(health)
	copied := Health{
		AgeMS:      int64(C.kubepeers_health_age_ms(health)),
		Stale:      C.kubepeers_health_is_stale(health) != 0,
		Watching:   C.kubepeers_health_is_watching(health) != 0,
		Polling:    C.kubepeers_health_is_polling(health) != 0,
		ErrorClass: C.GoString(C.kubepeers_health_error_class(health)),
	}
	if err := C.kubepeers_health_error(health); err != nil {
		copied.Failure = failure(C.kubepeers_error_status(err), err)
	}
	return copied
}
