package capi

// #include <kubepeers.h>
import "C"

// Doctor returns a report in JSON. It blocks an OS thread for at most timeoutMS.
func Doctor(configuration []Pair, timeoutMS int32) (string, *Failure) {
	config := C.kubepeers_config_new()
	defer C.kubepeers_config_free(config)
	for _, pair := range configuration {
		if failure := setPair(config, pair); failure != nil {
			return "", failure
		}
	}
	var text *C.char
	var err *C.kubepeers_error
	status := C.kubepeers_doctor(
		config, C.int32_t(timeoutMS), C.KUBEPEERS_DOCTOR_JSON, &text, nil, &err)
	return takeText(text), outcome(status, &err)
}
