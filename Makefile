# Everything that a maintainer runs is a target here. `make help` lists them.

SHELL     := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BUILD     := $(CURDIR)/target
STAGE     := $(BUILD)/stage
PROGRAMS  := $(BUILD)/programs
PANICKING := $(BUILD)/panicking
TOOL      := $(BUILD)/testenv/testenv
VENV      := $(BUILD)/venv
E2E       := $(BUILD)/e2e
CARGO_DENY := $(BUILD)/tools/bin/cargo-deny
STATICCHECK := $(BUILD)/tools/bin/staticcheck
DIST_VENV := $(BUILD)/dist-tools
JAVA      := $(BUILD)/java
JAVA_FORMAT := $(BUILD)/tools/google-java-format-1.28.0-all-deps.jar
VERSION   := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
# The prebuilt library for containers on this machine.
DIST_TARGET := $(shell uname -m)-unknown-linux-gnu
TARBALLS  := $(BUILD)/dist/kubepeers-$(VERSION)
TARBALL   := $(TARBALLS)-$(DIST_TARGET).tar.gz
KUBERNETES_VERSION := 1.36.3
PREFIX    ?= /usr/local
LIBDIR    ?= $(PREFIX)/lib
override PREFIX := $(abspath $(PREFIX))
override LIBDIR := $(abspath $(LIBDIR))
PYTHON    ?= python3
CFLAGS    ?= -O1 -g
C_FLAGS   := $(CFLAGS) -Wall -Wextra -Werror -pedantic -I$(STAGE)/include
C_LINK    := -L$(STAGE)/lib -lkubepeers -lpthread

# With these variables, Go, C and Python find the staged library.
export PKG_CONFIG_PATH := $(STAGE)/lib/pkgconfig
export LD_LIBRARY_PATH := $(STAGE)/lib
export KUBEPEERS_LIBRARY := $(STAGE)/lib/libkubepeers.so.0
# cgo runs pkg-config. If the machine has none, tests/pkg-config answers for the staged library.
export PKG_CONFIG := $(or $(shell command -v pkg-config),$(CURDIR)/tests/pkg-config)
# Go's cache ignores changes of headers outside the module, but not of flags.
export CGO_CFLAGS := -O2 -g -DKUBEPEERS_HEADER=0x$(shell sha256sum include/kubepeers.h | cut -c1-8)
export KUBEPEERS_PANICKING_LIBRARY := $(PANICKING)/libkubepeers.so.0
export KUBEPEERS_COMMAND := $(PROGRAMS)/kubepeers
export PYTHONPATH := $(CURDIR)/bindings/python
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help
help: ## print this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

# --- The two commands -----------------------------------------------------------------------------

# CLUSTER=current uses the cluster of KUBECONFIG, in a new namespace, instead of starting one.
DEMO = $(PYTHON) examples/demo/demo.py --tool $(TOOL) --build $(PROGRAMS) --java "$(DEMO_JAVA)"

ifneq ($(filter demo,$(MAKECMDGOALS)),)
ifneq ($(filter-out current,$(CLUSTER)),)
$(error invalid CLUSTER '$(CLUSTER)': expected 'current' or nothing)
endif
endif

.PHONY: demo
ifeq ($(CLUSTER),current)
demo: examples demo-java $(TOOL) ## run C, Go, Python and Java clients while pods come and go (CLUSTER=current: use KUBECONFIG)
	$(DEMO) --real
else
demo:
	$(MAKE) --no-print-directory --jobs=2 examples demo-java control-plane
	$(TOOL) run -- $(DEMO)
endif

# The suites wait more than they compute, so they run side by side, the longest first. Each prints
# its output when it ends.
SUITES := test-python test-go test-java test-c test-rust test-testenv

.PHONY: test
test: ## run the Rust, C, Go, Python, Java, command and conformance tests against a real API server
	$(MAKE) --no-print-directory --jobs=3 examples command probes java panics control-plane $(VENV)/ready
	$(TOOL) run -- $(MAKE) --no-print-directory --jobs=3 --output-sync=target $(SUITES)

# They need what `test` builds, and the variables that `$(TOOL) run` sets.
.PHONY: $(SUITES)

# worksteal lets idle workers take the long tests, which come late. Without the root, fixtures of
# one folder would replace those of another.
PYTEST := $(VENV)/bin/pytest -q -n 3 --dist worksteal --rootdir=. -c bindings/python/pyproject.toml

test-python:
	KUBEPEERS_PROBE_C=$(PROGRAMS)/probe-c KUBEPEERS_PROBE_GO=$(PROGRAMS)/probe-go \
		KUBEPEERS_PROBE_JAVA="$(PROBE_JAVA)" \
		$(PYTEST) bindings/python/tests tests/conformance tests/command

# Go's default of ten minutes is too short for a slow machine. A test that hangs still ends.
GO_TEST := go test -timeout 1h -count=1

test-go:
	cd bindings/go && GOGC=1 GODEBUG=cgocheck=1 $(GO_TEST) -race ./...
	cd bindings/go && GOEXPERIMENT=cgocheck2 $(GO_TEST) -run 'Expla|Fields|Log|Nodes|Peers|Snapshot|Watch' .
	cd bindings/go && LD_LIBRARY_PATH=$(PANICKING) $(GO_TEST) -race -tags panics -run Panic .
	cd bindings/go/goakt && $(GO_TEST) -race ./...

# The first JDK builds. If its version is 22 or newer, it also tests the backend for Java 22, and an
# older one tests the backend for Java 17. `verify` keeps jars that are up to date, so it does not
# disturb the probes of other suites.
test-java:
	@for jdk in $(JDKS); do \
		echo "Testing with Java $${jdk%%=*}"; \
		$(MAVEN) verify -Djvm=$${jdk#*=}/bin/java; \
		cat $(JAVA)/*/failsafe-reports/failsafe-summary.xml | awk -F '[<>]' \
			'{ n[$$2] += $$3 } END { print n["completed"] - n["skipped"] " passed, " n["skipped"] " are for the other backend" }'; \
	done
	@[ -n "$(JDKS)" ] || echo "Java was not tested: $(NO_JAVA)"
	@[ -z "$(TOO_OLD)" ] || echo "The backend for Java 22 was neither built nor tested: $(firstword $(JDKS)) is the first JDK"

test-c: random-calls
	for test in $(SCENARIOS_IN_C); do $(PROGRAMS)/test-$$test; done
	$(PROGRAMS)/test-unload $(STAGE)/lib/libkubepeers.so
	LD_LIBRARY_PATH=$(PANICKING) $(PROGRAMS)/test-panics
	tests/abi/exports $(PANICKING)/libkubepeers.so $(PROGRAMS)/test-panics
	$(CC) -std=c99 $(C_FLAGS) -fsyntax-only tests/c/test_header.c
	$(CC) -std=c11 $(C_FLAGS) -fsyntax-only tests/c/test_header.c
	$(CXX) -std=c++17 $(C_FLAGS) -fsyntax-only tests/c/test_header.cpp
	tests/abi/symbols $(STAGE)/lib/libkubepeers.so

# make 4.3 passes jobs through descriptors that cargo does not get here.
test-rust:
	MAKEFLAGS= cargo test --locked --features testing,cli

test-testenv:
	cd tests/testenv && $(GO_TESTENV_TEST) ./cmd/testenv ./internal/balancer

include tests/long.mk tests/versions.mk

# SCENARIOS is a regular expression for `go test -run`.
.PHONY: e2e
e2e: can-e2e $(E2E)/images node ## test GoAkt, Memberlist, Pekko, JGroups, Python and C programs in real pods (root; SCENARIOS=…)
	cd tests/e2e && go test -c -o $(E2E)/scenarios .
	NODE_IMAGE=localhost/goakt-node:e2e MEMBERLIST_IMAGE=localhost/memberlist-node:e2e \
		PEKKO_IMAGE=localhost/pekko-node:e2e JGROUPS_IMAGE=localhost/jgroups-node:e2e \
		SERVICE_IMAGE=localhost/python-service:e2e PROGRAM_IMAGE=localhost/c-program:e2e \
		COMMAND_IMAGE=localhost/command:e2e BUSYBOX_IMAGE=localhost/busybox:e2e \
		COMMAND=$(E2E)/kubepeers/bin/kubepeers DEPLOY=$(CURDIR)/deploy $(TOOL) run --node \
		--image $(E2E)/goakt-node.tar --image $(E2E)/memberlist-node.tar \
		--image $(E2E)/pekko-node.tar --image $(E2E)/jgroups-node.tar \
		--image $(E2E)/python-service.tar --image $(E2E)/c-program.tar \
		--image $(E2E)/command.tar --image $(E2E)/busybox.tar -- \
		$(E2E)/scenarios -test.v -test.failfast -test.timeout 3h -test.run "TestClusters|TestScenarios/$(SCENARIOS)"

# Fails before the builds, which take minutes. containerd and the node report what else they need.
.PHONY: can-e2e
can-e2e:
	@[ "$$(id -u)" = 0 ] || { echo "make e2e needs root, because it creates a node in new namespaces"; exit 1; }
	@for tool in buildah containerd iptables mmdebstrap runc; do command -v $$tool >/dev/null || \
		{ echo "make e2e needs $$tool: install the Debian packages in tests/e2e/packages and tests/testenv/packages"; exit 1; }; done

$(E2E)/images $(E2E)/wheels/SHA256SUMS: | can-e2e
$(E2E)/images: $(TARBALL) $(E2E)/wheels/SHA256SUMS tests/e2e/images packaging/Dockerfile packaging/command.Dockerfile $(shell git ls-files bindings/go bindings/java examples tests/e2e/programs)
	tests/e2e/images $(E2E) $(TARBALL) $(E2E)/wheels
	touch $@

$(E2E)/wheels/SHA256SUMS: $(DIST_VENV)/ready $(TARBALL) packaging/wheel $(shell git ls-files bindings/python)
	packaging/wheel $(E2E)/wheels $(DIST_TARGET)

BENCH := $(BUILD)/bench
PODS  ?= 10 1000 5000

# `benches/bench.py --help` lists the BENCH_OPTIONS.
.PHONY: bench
bench: benches control-plane ## measure kubepeers and its alternatives (PODS="10 1000 5000")
	BENCH_BUILD=$(BENCH) BENCH_COMMIT="$$(git describe --always --dirty)" \
		$(TOOL) run -- $(PYTHON) benches/bench.py --pods $(PODS) $(BENCH_OPTIONS)

# `benches/herd.py --help` lists the HERD_OPTIONS.
.PHONY: bench-herd
bench-herd: benches control-plane ## measure cold starts of whole Deployments (HERD_OPTIONS="--sizes 100/100")
	BENCH_BUILD=$(BENCH) BENCH_COMMIT="$$(git describe --always --dirty)" \
		$(TOOL) run -- $(PYTHON) benches/herd.py $(HERD_OPTIONS)

# Each run has a control plane of its own, because some stop it. All of them take 25 minutes.
FRAMEWORKS ?= pekko jgroups hazelcast
PLUGINS    ?= own kubepeers
CASES      ?= normal norole away

.PHONY: compare-java
compare-java: stage control-plane ## compare Java frameworks' own plug-ins with kubepeers (FRAMEWORKS="pekko")
	$(MAVEN) package -DskipTests -Pcomparison
	@for framework in $(FRAMEWORKS); do for plugin in $(PLUGINS); do for case in $(CASES); do \
		$(TOOL) run -- $(JDK_HOME)/bin/java -Xmx512m --enable-native-access=ALL-UNNAMED \
			-cp '$(JAVA)/kubepeers-comparison/kubepeers-comparison-$(VERSION).jar:$(JAVA)/kubepeers-comparison/lib/*' \
			io.kubepeers.comparison.Comparison $$framework $$plugin $$case \
			2>&1 | tee $(JAVA)/comparison-$$framework-$$plugin-$$case.log | grep --text '^RESULT'; \
	done; done; done

.PHONY: benches
benches: stage
	@mkdir -p $(BENCH)
	$(CC) -std=c99 $(C_FLAGS) benches/hosts/pod.c -o $(BENCH)/pod
	$(CC) -std=c99 $(C_FLAGS) benches/hosts/host.c -o $(BENCH)/host-c $(C_LINK)
	$(CC) -std=c99 $(C_FLAGS) benches/hosts/herd.c -o $(BENCH)/herd-c $(C_LINK)
	cd benches && go build -ldflags '-s -w' -o $(BENCH)/ ./cmd/...

# vet excludes cmd/kubernetes and cmd/node, because it would read all of Kubernetes, for minutes.
# 3.10 is the oldest Python that the package supports.
.PHONY: lint
lint: stage $(VENV)/ready $(STATICCHECK) ## run formatters, linters and type checkers
	tests/style
	cargo fmt --check
	@unformatted=$$(gofmt -l bindings/go examples tests/testenv tests/e2e benches); \
		if [ -n "$$unformatted" ]; then echo "gofmt: $$unformatted"; exit 1; fi
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy --strict --python-version 3.10 bindings/python/kubepeers
	for program in examples/python/peers.py examples/demo/peers.py examples/python-service/service.py; do \
		MYPYPATH=bindings/python $(VENV)/bin/mypy --strict --python-version 3.10 $$program; done
	$(VENV)/bin/mypy examples/demo/demo.py
	cargo clippy --locked --all-targets --features testing,cli -- --deny warnings
	cd bindings/go && go vet ./...
	cd bindings/go/goakt && go vet ./...
	cd examples/go && go vet ./...
	cd examples/demo/go && go vet ./...
	cd examples/goakt && go vet ./...
	cd examples/memberlist && go vet ./...
	cd tests/testenv && $(GO_TESTENV) vet -tags node ./cmd/testenv ./cmd/pause ./internal/...
	cd tests/e2e && go vet ./...
	cd tests/e2e/programs/goakt && go vet ./...
	cd tests/e2e/programs/memberlist && go vet ./...
	cd benches && go vet ./...
	for module in bindings/go bindings/go/goakt examples/memberlist; do \
		(cd $$module && $(STATICCHECK) ./...); done
	$(if $(JDKS),$(MAKE) --no-print-directory lint-java,@echo "Java was not checked: $(NO_JAVA)")

# The formatter uses packages of the compiler. javac reports its warnings in `make java`.
JAVAC_PACKAGES := $(patsubst %,--add-exports=jdk.compiler/com.sun.tools.javac.%=ALL-UNNAMED,api code file parser tree util)

.PHONY: lint-java
lint-java: $(JAVA_FORMAT)
	$(JDK_HOME)/bin/java $(JAVAC_PACKAGES) -jar $(JAVA_FORMAT) --aosp --dry-run --set-exit-if-changed \
		$$(git ls-files '*.java')
	$(MAVEN) package javadoc:javadoc -DskipTests

.PHONY: dependencies
dependencies: $(CARGO_DENY) ## check licenses, sources and known vulnerabilities of the crates (downloads RustSec's list)
	$(CARGO_DENY) check --hide-inclusion-graph

# --- The library ----------------------------------------------------------------------------------

.PHONY: library
library: ## build the library
	cargo build --release --locked --lib

# Benchmarks measure the library that is released.
STAGED := staged
bench bench-herd: STAGED := release

.PHONY: stage
stage:
	cargo build --profile $(STAGED) --locked --lib
	@$(MAKE) --no-print-directory install-files LIBRARY=$(BUILD)/$(STAGED)/libkubepeers.so PREFIX=$(STAGE) LIBDIR=$(STAGE)/lib DESTDIR=

.PHONY: command
command: ## build the command for this machine, in target/programs
	@mkdir -p $(PROGRAMS)
	cargo build --profile $(STAGED) --locked --features cli --bin kubepeers
	install -m 755 $(BUILD)/$(STAGED)/kubepeers $(PROGRAMS)/kubepeers

LIBRARY ?= $(BUILD)/release/libkubepeers.so

# Does not build, because root may have no Rust.
.PHONY: install
install: ## install the library from `make library`, its header and .pc file (PREFIX, LIBDIR, DESTDIR)
	@test -e $(LIBRARY) || { echo "run 'make library' first"; exit 1; }
	@$(MAKE) --no-print-directory install-files

.PHONY: install-files
install-files:
	@mkdir -p $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include
	@install -m 755 $(LIBRARY) $(DESTDIR)$(LIBDIR)/libkubepeers.so.$(VERSION)
	@ln -sf libkubepeers.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libkubepeers.so.0
	@ln -sf libkubepeers.so.0 $(DESTDIR)$(LIBDIR)/libkubepeers.so
	@install -m 644 include/kubepeers.h $(DESTDIR)$(PREFIX)/include/kubepeers.h
	@sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' kubepeers.pc.in \
		> $(DESTDIR)$(LIBDIR)/pkgconfig/kubepeers.pc
	@chmod 644 $(DESTDIR)$(LIBDIR)/pkgconfig/kubepeers.pc
	@echo "installed libkubepeers.so.$(VERSION) in $(DESTDIR)$(LIBDIR)"

.PHONY: uninstall
uninstall: ## remove the files that `make install` with the same variables has installed
	rm -f $(addprefix $(DESTDIR)$(LIBDIR)/,libkubepeers.so libkubepeers.so.0 libkubepeers.so.$(VERSION) pkgconfig/kubepeers.pc) \
		$(DESTDIR)$(PREFIX)/include/kubepeers.h

DIST_TARGETS ?= x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu x86_64-unknown-linux-musl aarch64-unknown-linux-musl

.PHONY: dist
dist: $(DIST_VENV)/ready ## build a tarball for each target (DIST_TARGETS), in target/dist
	packaging/dist $(DIST_TARGETS)

# Unlike `dist`, this builds a tarball only if it is older than its sources.
$(TARBALLS)-%.tar.gz: Cargo.toml Cargo.lock packaging/dist $(shell git ls-files src include)
	$(MAKE) --no-print-directory dist DIST_TARGETS=$*

.PHONY: wheel
wheel: $(DIST_VENV)/ready $(DIST_TARGETS:%=$(TARBALLS)-%.tar.gz) ## build a wheel for each target (DIST_TARGETS) and the sdist, in target/wheels
	packaging/wheel $(BUILD)/wheels $(DIST_TARGETS)

.PHONY: java-jars
java-jars: $(DIST_VENV)/ready $(DIST_TARGETS:%=$(TARBALLS)-%.tar.gz) ## build the Java package with a jar for each target (DIST_TARGETS), in target/java
	@[ -n "$(JDKS)" ] || { echo "make java-jars needs Maven and a JDK: $(NO_JAVA)"; exit 1; }
	@[ -z "$(TOO_OLD)" ] || { echo "make java-jars needs a JDK of version 22 or newer: set JAVA_HOME"; exit 1; }
	packaging/java $(JAVA)/natives $(DIST_TARGETS)
	$(MAVEN) package -DskipTests -Dkubepeers.natives=$(JAVA)/natives

.PHONY: release-check
release-check: ## check that the versions, the changelog and the tags of a release agree
	packaging/release-check

.PHONY: release-files
release-files: ## collect the output of `make dist wheel java-jars`, with checksums, in target/release-files
	packaging/release-files

.PHONY: header
header: ## generate include/kubepeers.h and docs/configuration.md from the sources
	KUBEPEERS_WRITE_HEADER=1 cargo test --quiet --locked --features testing,cli --test header the_committed_header
	KUBEPEERS_WRITE_DOCS=1 cargo test --quiet --locked --features testing,cli --test configuration the_committed_documentation

# --- Programs for tests and examples --------------------------------------------------------------

.PHONY: examples
examples: stage
	@mkdir -p $(PROGRAMS)
	for example in c/peers c/events demo/peers; do \
		$(CC) -std=c99 $(C_FLAGS) examples/$$example.c -o $(PROGRAMS)/$${example/\//-} $(C_LINK); done
	cd examples/demo/go && go build -o $(PROGRAMS)/demo-peers-go .

# tests/c: the model and the scenarios share the fake server and its configurations.
C_TEST_FLAGS   := $(C_FLAGS) -D_GNU_SOURCE
C_TEST_SHARED  := tests/c/fake_server.c tests/c/config.c
SCENARIOS_IN_C := provider signals process limits
SCENARIO       := $(CC) -std=c99 $(C_TEST_FLAGS) $(C_TEST_SHARED) $(addprefix tests/c/scenarios/,scenario.c verbs.c host.c)

.PHONY: probes
probes: stage
	@mkdir -p $(PROGRAMS)
	$(CC) -std=c99 $(C_FLAGS) tests/conformance/probe.c -o $(PROGRAMS)/probe-c $(C_LINK)
	for test in $(SCENARIOS_IN_C); do $(SCENARIO) tests/c/scenarios/test_$$test.c -o $(PROGRAMS)/test-$$test $(C_LINK); done
	$(CC) -std=c99 $(C_TEST_FLAGS) tests/c/fake_server.c tests/c/scenarios/test_unload.c -o $(PROGRAMS)/test-unload -lpthread -ldl
	cd bindings/go && go build -o $(PROGRAMS)/probe-go ./internal/probe

# Java is optional: without a JDK and Maven, everything else builds.
JDKS = $(if $(shell command -v mvn),$(shell bindings/java/jdks))
JDK_HOME = $(lastword $(subst =, ,$(firstword $(JDKS))))
TOO_OLD = $(filter 17=% 18=% 19=% 20=% 21=%,$(firstword $(JDKS)))
NO_JAVA := found no Maven or no JDK of version 17 or newer (see CONTRIBUTING.md)
# Maven downloads only what its local repository does not have, because all versions are pinned.
MAVEN = JAVA_HOME=$(JDK_HOME) MAVEN_OPTS='$(QUIET_MAVEN)' \
	mvn --batch-mode --quiet --file bindings/java/pom.xml -Dkubepeers.build=$(JAVA)
# Java 24 and newer print four lines of warnings about Maven's own libraries. Older ones do not know
# the option.
QUIET_MAVEN = $(if $(TOO_OLD)$(filter 22=% 23=%,$(firstword $(JDKS))),,--sun-misc-unsafe-memory-access=allow)
JAVA_CLASSES = $(JAVA)/kubepeers/kubepeers-$(VERSION).jar:$(JAVA)/kubepeers/lib/*
# The probe and the demo run for seconds, so that optimized code does not pay.
RUN_JAVA = $(JDK_HOME)/bin/java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx128m \
	--enable-native-access=ALL-UNNAMED -cp '$(JAVA_CLASSES):$(JAVA)/programs'
PROBE_JAVA = $(if $(JDKS),$(RUN_JAVA) ProbeServer)
DEMO_JAVA = $(if $(JDKS),$(RUN_JAVA) Peers)
COMPILE_JAVA = $(JDK_HOME)/bin/javac --release 17 -cp '$(JAVA_CLASSES)' -d $(JAVA)/programs

.PHONY: java
java: ## build the Java package and its probe, where Maven and a JDK are found
	@if [ -z "$(JDKS)" ]; then echo "Java was not built: $(NO_JAVA)"; exit 0; fi; \
	$(MAVEN) package -DskipTests; \
	$(COMPILE_JAVA) tests/conformance/ProbeServer.java

.PHONY: demo-java
demo-java:
	@if [ -z "$(JDKS)" ]; then exit 0; fi; \
	$(MAVEN) package -DskipTests --projects kubepeers; \
	$(COMPILE_JAVA) examples/demo/Peers.java

# A library that is never released: it panics wherever a test requests it.
.PHONY: panics
panics: stage
	@mkdir -p $(PROGRAMS) $(PANICKING)
	cargo rustc --locked --lib --crate-type cdylib --features inject-panics
	cp $(BUILD)/debug/libkubepeers.so $(PANICKING)/libkubepeers.so.0
	ln -sf libkubepeers.so.0 $(PANICKING)/libkubepeers.so
	$(SCENARIO) tests/c/scenarios/test_panics.c -o $(PROGRAMS)/test-panics -L$(PANICKING) $(C_LINK)

$(VENV)/ready: tests/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

$(STATICCHECK):
	GOBIN=$(@D) go install honnef.co/go/tools/cmd/staticcheck@v0.7.0

$(JAVA_FORMAT):
	$(MAVEN) --non-recursive dependency:copy -DoutputDirectory=$(@D) \
		-Dartifact=com.google.googlejavaformat:google-java-format:1.28.0:jar:all-deps

$(CARGO_DENY):
	cargo install --quiet --debug --locked --root $(BUILD)/tools cargo-deny@0.20.2

$(DIST_VENV)/ready: packaging/requirements.txt
	$(PYTHON) -m venv $(DIST_VENV)
	$(DIST_VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

# etcd and kube-apiserver come from KUBEBUILDER_ASSETS, or are built from source once.
.PHONY: control-plane
control-plane: $(TOOL)
ifndef KUBEBUILDER_ASSETS
control-plane: $(BUILD)/testenv/kubernetes
endif

.PHONY: $(TOOL)
$(TOOL):
	cd tests/testenv && $(GO_TESTENV) build -ldflags '-s -w' -o $@ ./cmd/testenv

# A node takes as long to build as the control plane, so it is a target of its own.
.PHONY: node
node: control-plane $(BUILD)/testenv/node $(BUILD)/testenv/pause

.PHONY: test-node
test-node: node ## test the Kubernetes node of the test cluster (root; packages in tests/testenv/packages)
	cd tests/testenv && $(GO_TESTENV_TEST) -tags node -run '^TestNode' ./cmd/testenv

# It runs in containers without a C library.
$(BUILD)/testenv/pause: $(wildcard tests/testenv/cmd/pause/*.go)
	cd tests/testenv && CGO_ENABLED=0 go build -ldflags '-s -w' -o $@ ./cmd/pause

# All Go builds of the cluster use the same flag. Otherwise Go would build Kubernetes twice.
TRIMMED = GOFLAGS="$$(go env GOFLAGS) -trimpath"
GO_TESTENV = $(TRIMMED) go
GO_TESTENV_TEST = $(TRIMMED) $(GO_TEST)
STAMP := k8s.io/component-base/version
$(BUILD)/testenv/kubernetes: BUILT := etcd and kube-apiserver
$(BUILD)/testenv/node: BUILT := kubelet, kube-proxy, kube-scheduler and kube-controller-manager
$(BUILD)/testenv/kubernetes: $(wildcard tests/testenv/cmd/kubernetes/*.go)
$(BUILD)/testenv/node: $(wildcard tests/testenv/cmd/node/*.go)
$(BUILD)/testenv/kubernetes $(BUILD)/testenv/node: $(BUILD)/testenv/%: tests/testenv/go.mod tests/testenv/go.sum
	@echo "Building $(BUILT) $(KUBERNETES_VERSION) from source, once: about five minutes on two cores."
	@cd tests/testenv && packages=$$(go list -deps ./cmd/$* | wc -l) && \
	$(GO_TESTENV) build -v -ldflags '-s -w -X $(STAMP).gitVersion=v$(KUBERNETES_VERSION) -X $(STAMP).gitMajor=1 -X $(STAMP).gitMinor=36' \
		-o $@ ./cmd/$* 2>&1 | ../progress "$$packages"
	@touch $@

.PHONY: clean
clean: ## remove all build output
	rm -rf $(BUILD)
