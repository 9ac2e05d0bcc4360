package goakt

import (
	"context"
	"time"
)

// Impatient makes Register give up soon.
func (d *Discovery) Impatient() *Discovery { return d.waits(100 * time.Millisecond) }

// RegisterSoon is Register that gives up soon, but not before it has asked. On a
// busy machine its time may be over before that: the next one has more.
func (d *Discovery) RegisterSoon() error {
	for patience := 100 * time.Millisecond; ; patience *= 2 {
		err := d.waits(patience).Register()
		if err != context.DeadlineExceeded || patience > time.Minute {
			return err
		}
	}
}

// Patient makes Register wait for longer than a test may take.
func (d *Discovery) Patient() *Discovery { return d.waits(24 * time.Hour) }

func (d *Discovery) waits(patience time.Duration) *Discovery {
	d.patience = patience
	return d
}
