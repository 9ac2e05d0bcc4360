module github.com/kubepeers/kubepeers/bindings/go

go 1.24
