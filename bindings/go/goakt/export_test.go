package goakt

import "time"

// Impatient makes Register give up at once.
func (d *Discovery) Impatient() *Discovery {
	d.patience = time.Nanosecond
	return d
}

// Patient makes Register wait for longer than a test may take.
func (d *Discovery) Patient() *Discovery {
	d.patience = 24 * time.Hour
	return d
}
