package goakt

import "time"

// Impatient makes Register give up soon, but not before it has asked.
func (d *Discovery) Impatient() *Discovery {
	d.patience = time.Second
	return d
}

// Patient makes Register wait for longer than a test may take.
func (d *Discovery) Patient() *Discovery {
	d.patience = 24 * time.Hour
	return d
}
