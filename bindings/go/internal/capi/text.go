package capi

// #include <kubepeers.h>
import "C"

// Form is the form of an explanation.
type Form int32

// The forms, from the header.
const (
	ExplainJSON  Form = C.KUBEPEERS_EXPLAIN_JSON
	ExplainTable Form = C.KUBEPEERS_EXPLAIN_TABLE
)

// Explain returns every pod with its verdict.
func (p Provider) Explain(form Form) (string, *Failure) {
	var text *C.char
	var err *C.kubepeers_error
	status := C.kubepeers_explain(C.kubepeers_provider(p), C.int32_t(form), &text, &err)
	return takeText(text), outcome(status, &err)
}

// Metrics returns the metrics in the text format of Prometheus.
func (p Provider) Metrics() (string, *Failure) {
	var text *C.char
	var err *C.kubepeers_error
	status := C.kubepeers_metrics(C.kubepeers_provider(p), &text, &err)
	return takeText(text), outcome(status, &err)
}

// takeText copies a text and frees it. The text of a failed call is NULL.
func takeText(text *C.char) string {
	defer C.kubepeers_text_free(text)
	return C.GoString(text)
}
