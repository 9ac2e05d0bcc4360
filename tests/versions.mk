# The tests against other Kubernetes releases, and with several API servers. Part of the Makefile.

# The oldest supported release, and the newest that Go's module proxy serves. `make test` covers $(KUBERNETES_VERSION).
OLDEST   := 1.28
VERSIONS ?= $(OLDEST) 1.37

RELEASES := $(notdir $(patsubst %/go.mod,%,$(wildcard tests/versions/*/go.mod)))
release = $(BUILD)/cluster/kubernetes-$(1)
version = $(shell sed -n 's|^\tk8s.io/kubernetes v||p' tests/versions/$(1)/go.mod)

ifneq ($(filter-out $(RELEASES),$(VERSIONS)),)
$(error VERSIONS is '$(VERSIONS)': expected some of $(RELEASES))
endif

.PHONY: test-versions
test-versions: $(VERSIONS:%=test-version-%) ## conformance, cold starts and outages on other Kubernetes releases (VERSIONS="1.28 1.37")

# Excludes the conformance tests that use no API server: those of the test code itself, and of what init refuses.
NO_SERVER := $(patsubst %,--ignore=tests/conformance/test_%.py,schema mutations) -k 'not configuration:'

# The C probe runs alone: the bindings do not differ from release to release, and `make test` compares them.
.PHONY: $(RELEASES:%=test-version-%)
$(RELEASES:%=test-version-%): test-version-%: probes $(VENV)/ready $(TOOL) $(BUILD)/cluster/kubernetes-%/kubernetes
	@echo "Testing with Kubernetes $(call version,$*)"
	KUBEBUILDER_ASSETS=$(call release,$*) KUBEPEERS_PROBE_C=$(PROGRAMS)/probe-c \
		$(TOOL) run -- $(PYTEST) --c-only tests/versions/test_pairs.py tests/conformance $(NO_SERVER)

stamps = -X $(STAMP).gitVersion=v$(call version,$*) -X $(STAMP).gitMajor=1 -X $(STAMP).gitMinor=$(*:1.%=%)

# A folder as KUBEBUILDER_ASSETS takes it. All links lead to the one program. Without its cloud providers 1.28 builds quicker.
$(RELEASES:%=$(BUILD)/cluster/kubernetes-%/kubernetes): $(BUILD)/cluster/kubernetes-%/kubernetes: \
		tests/versions/%/go.mod tests/versions/%/go.sum $(wildcard tests/cluster/cmd/kubernetes/*.go)
	@echo "Building etcd and kube-apiserver $(call version,$*) from source, once: about five minutes on two cores."
	@mkdir -p $(@D) && ln -sf kubernetes $(@D)/etcd && ln -sf kubernetes $(@D)/kube-apiserver
	@cd tests/versions/$* && packages=$$(go list -tags providerless -deps . | wc -l) && \
	$(GO_CLUSTER) build -v -tags providerless -ldflags '-s -w $(stamps)' -o $@ . 2>&1 | ../../progress "$$packages"
	@touch $@

# Several API servers behind a balancer that freezes, cuts and delays, one of them with a watch cache that lags.
.PHONY: test-rig
test-rig: stage control-plane $(VENV)/ready ## a frozen and a lagging API server among three
	CLUSTER_TOOL=$(TOOL) $(VENV)/bin/pytest -q -s tests/versions/test_rig.py
