package capi

// #include <kubepeers.h>
import "C"

import "time"

// The levels of log records, from the header.
const (
	LogError = C.KUBEPEERS_LOG_ERROR
	LogWarn  = C.KUBEPEERS_LOG_WARN
	LogInfo  = C.KUBEPEERS_LOG_INFO
	LogDebug = C.KUBEPEERS_LOG_DEBUG
)

// Record is a log record.
type Record struct {
	Level   int32
	At      time.Time
	Message string
}

// NextRecord returns the oldest log record and removes it. It returns false if there
// is none or the provider is closed.
func (p Provider) NextRecord() (Record, bool) {
	var level C.int32_t
	var unixMS C.int64_t
	var message *C.char
	status := C.kubepeers_log_next(C.kubepeers_provider(p), &level, &unixMS, &message, nil)
	if status != C.KUBEPEERS_OK || message == nil {
		return Record{}, false
	}
	return Record{int32(level), time.UnixMilli(int64(unixMS)), takeText(message)}, true
}
