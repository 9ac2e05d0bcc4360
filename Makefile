# The one entry point. `make help` lists what there is.

STAGE     := $(CURDIR)/target/stage
CLUSTER   := $(CURDIR)/target/cluster
VERSION   := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
PREFIX    ?= /usr/local
LIBDIR    ?= $(PREFIX)/lib
CC        ?= cc
CXX       ?= c++
PYTHON    ?= python3
C_WARN    := -Wall -Wextra -Werror -pedantic
KUBERNETES_VERSION := 1.36.3

# What Go, C and Python need to find the staged library.
export PKG_CONFIG_PATH := $(STAGE)/lib/pkgconfig
export LD_LIBRARY_PATH := $(STAGE)/lib
export KUBEPEERS_LIBRARY := $(STAGE)/lib/libkubepeers.so.0
# Go asks pkg-config where the library is. Where there is none, a stand-in knows the staged place.
export PKG_CONFIG := $(or $(shell command -v pkg-config),$(CURDIR)/tests/pkg-config)

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

.PHONY: library
library: ## builds the library
	cargo build --release --locked --lib

.PHONY: stage
stage: library ## installs it under target/stage
	@$(MAKE) --no-print-directory install-files PREFIX=$(STAGE) DESTDIR=

.PHONY: install
install: library install-files ## installs library, header and pkg-config file (PREFIX, DESTDIR)

.PHONY: install-files
install-files:
	@mkdir -p $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include
	install -m 755 target/release/libkubepeers.so $(DESTDIR)$(LIBDIR)/libkubepeers.so.$(VERSION)
	ln -sf libkubepeers.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libkubepeers.so.0
	ln -sf libkubepeers.so.0 $(DESTDIR)$(LIBDIR)/libkubepeers.so
	install -m 644 include/kubepeers.h $(DESTDIR)$(PREFIX)/include/kubepeers.h
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' kubepeers.pc.in \
		> $(DESTDIR)$(LIBDIR)/pkgconfig/kubepeers.pc

.PHONY: header
header: ## writes include/kubepeers.h anew
	KUBEPEERS_WRITE_HEADER=1 cargo test --quiet --locked --test header
