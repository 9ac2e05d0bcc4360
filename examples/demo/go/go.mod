module github.com/kubepeers/kubepeers/examples/demo

go 1.24

require github.com/kubepeers/kubepeers/bindings/go v0.4.0

replace github.com/kubepeers/kubepeers/bindings/go => ../../../bindings/go
