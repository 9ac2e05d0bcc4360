package goakt

import "time"

// WithPatience sets how long Initialize and Register wait.
func (d *Discovery) WithPatience(patience time.Duration) *Discovery {
	d.patience = patience
	return d
}
