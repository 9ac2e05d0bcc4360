# Tests with other Kubernetes releases, and with several API servers. Included by the Makefile.

# The oldest supported release, and the newest one. `make test` uses $(KUBERNETES_VERSION).
OLDEST   := 1.28
VERSIONS ?= $(OLDEST) 1.37

RELEASES := $(notdir $(patsubst %/go.mod,%,$(wildcard tests/versions/*/go.mod)))
release = $(BUILD)/testenv/kubernetes-$(1)
version = $(shell sed -n 's|^\tk8s.io/kubernetes v||p' tests/versions/$(1)/go.mod)

ifneq ($(filter-out $(RELEASES),$(VERSIONS)),)
$(error invalid VERSIONS '$(VERSIONS)': expected some of $(RELEASES))
endif

.PHONY: test-versions
test-versions: $(VERSIONS:%=test-version-%) ## test other Kubernetes releases (VERSIONS="1.28 1.37")

# Excludes the conformance tests that use no API server: those of the test code itself, and of
# options that init rejects.
NO_SERVER := $(patsubst %,--ignore=tests/conformance/test_%.py,schema mutations) -k 'not configuration:'

# Only the C probe runs: `make test` compares the bindings, and the release does not affect them.
.PHONY: $(RELEASES:%=test-version-%)
$(RELEASES:%=test-version-%): test-version-%: probes $(VENV)/ready $(TOOL) $(BUILD)/testenv/kubernetes-%/kubernetes
	@echo "Testing with Kubernetes $(call version,$*)"
	KUBEBUILDER_ASSETS=$(call release,$*) KUBEPEERS_PROBE_C=$(PROGRAMS)/probe-c \
		$(TOOL) run -- $(PYTEST) --c-only tests/versions/test_pairs.py tests/conformance $(NO_SERVER)

stamps = -X $(STAMP).gitVersion=v$(call version,$*) -X $(STAMP).gitMajor=1 -X $(STAMP).gitMinor=$(*:1.%=%)

# A directory for KUBEBUILDER_ASSETS. All links point to one program. The tag providerless makes the
# build of 1.28 faster.
$(RELEASES:%=$(BUILD)/testenv/kubernetes-%/kubernetes): $(BUILD)/testenv/kubernetes-%/kubernetes: \
		tests/versions/%/go.mod tests/versions/%/go.sum $(wildcard tests/testenv/cmd/kubernetes/*.go)
	@echo "Building etcd and kube-apiserver $(call version,$*) from source, once: about five minutes on two cores."
	@mkdir -p $(@D) && ln -sf kubernetes $(@D)/etcd && ln -sf kubernetes $(@D)/kube-apiserver
	@cd tests/versions/$* && packages=$$(go list -tags providerless -deps . | wc -l) && \
	$(GO_TESTENV) build -v -tags providerless -ldflags '-s -w $(stamps)' -o $@ . 2>&1 | ../../progress "$$packages"
	@touch $@

# Three API servers behind a balancer, which can freeze or cut their connections. The watch cache of
# a server can lag.
.PHONY: test-balancer
test-balancer: stage control-plane $(VENV)/ready ## test with three API servers, one of which freezes or lags
	TESTENV=$(TOOL) $(VENV)/bin/pytest -q -s tests/versions/test_balancer.py
