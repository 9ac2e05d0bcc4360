package goakt

import "time"

// Impatient makes Register give up at once.
func (d *Discovery) Impatient() *Discovery {
	d.patience = time.Nanosecond
	return d
}
