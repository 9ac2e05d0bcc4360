package goakt

import "time"

// WithRegisterTimeout sets how long Initialize and Register wait.
func (d *Discovery) WithRegisterTimeout(timeout time.Duration) *Discovery {
	d.registerTimeout = timeout
	return d
}
