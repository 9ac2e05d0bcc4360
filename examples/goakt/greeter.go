package main

import "github.com/tochemey/goakt/v4/actor"

// greeter stands for the actors of a real program: GoAkt starts no cluster without a kind of them.
type greeter struct{}

func (*greeter) PreStart(*actor.Context) error         { return nil }
func (*greeter) Receive(context *actor.ReceiveContext) { context.Unhandled() }
func (*greeter) PostStop(*actor.Context) error         { return nil }
