package goakt_test

import "github.com/tochemey/goakt/v4/actor"

// greeter exists because GoAkt does not start a cluster without a kind of actor.
type greeter struct{}

func (*greeter) PreStart(*actor.Context) error         { return nil }
func (*greeter) Receive(context *actor.ReceiveContext) { context.Unhandled() }
func (*greeter) PostStop(*actor.Context) error         { return nil }
