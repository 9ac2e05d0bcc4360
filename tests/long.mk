# Tests that take long, or need more than a new machine has. Included by the Makefile.

.PHONY: test-long
test-long: dependencies test-memory test-address test-thread test-fuzz test-miri test-valgrind test-abi test-dist test-wheel test-java-jars ## run all long tests; needed before a release

# Sanitizers and Miri need a nightly toolchain.
NIGHTLY ?= nightly-2026-05-20
TARGET  := x86_64-unknown-linux-gnu

.PHONY: nightly
nightly: ## install the nightly toolchain of the long tests
	rustup toolchain install $(NIGHTLY) --no-self-update --profile minimal --component miri,rust-src

# Repeats the calls of each thread, though not how the threads interleave.
SEED    ?= 21

# `=`: the Makefile sets the parts after it has included this file.
RANDOM_CALLS = -std=c11 -Iinclude $(C_TEST_FLAGS) $(C_TEST_SHARED) $(wildcard tests/c/model/*.c)

.PHONY: test-calls random-calls
test-calls: stage ## call every export at random, and check the outcomes
	$(MAKE) --no-print-directory random-calls

# Without `stage`, which would replace the library while other suites load it.
random-calls:
	@mkdir -p $(PROGRAMS)
	$(CC) $(RANDOM_CALLS) -o $(PROGRAMS)/random-calls $(C_LINK)
	tests/abi/exports $(STAGE)/lib/libkubepeers.so $(PROGRAMS)/random-calls
	$(PROGRAMS)/random-calls --calls 100000 --seed $(SEED)

SANITIZERS      := address thread
runtime-address := asan
runtime-thread  := tsan
calls-address   := 300000
calls-thread    := 200000
# Otherwise the thread sanitizer reports the synchronization of std as races.
std-thread      := -Zbuild-std
export ASAN_OPTIONS := detect_leaks=1:allow_addr2line=1
# The random calls end in a child process, which has threads of its own.
export TSAN_OPTIONS := halt_on_error=1:allow_addr2line=1:die_after_fork=0

.PHONY: $(SANITIZERS:%=library-%)
$(SANITIZERS:%=library-%): library-%:
	RUSTFLAGS=-Zsanitizer=$* CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_PROFILE_DEV_DEBUG=line-tables-only \
		cargo +$(NIGHTLY) build --locked --lib $(std-$*) --target $(TARGET) --target-dir $(BUILD)/$*
	@ln -sf $(TARGET)/debug/libkubepeers.so $(BUILD)/$*/libkubepeers.so.0
	@ln -sf libkubepeers.so.0 $(BUILD)/$*/libkubepeers.so

# The program and the library need one runtime, and the C compiler's may be another version.
.PHONY: $(SANITIZERS:%=test-%)
$(SANITIZERS:%=test-%): test-%: library-% ## the same under the sanitizer of that name (CALLS=N SEED=N)
	$(CC) -fsanitize=$* -fno-omit-frame-pointer -r -nostdlib $(RANDOM_CALLS) -o $(BUILD)/$*/random-calls.o
	$(CC) $(BUILD)/$*/random-calls.o -o $(BUILD)/$*/random-calls -L$(BUILD)/$* -lkubepeers -Wl,--export-dynamic \
		-Wl,--whole-archive "$$(rustc +$(NIGHTLY) --print target-libdir)/librustc-nightly_rt.$(runtime-$*).a" \
		-Wl,--no-whole-archive -lpthread -ldl -lm -lrt
	LD_LIBRARY_PATH=$(BUILD)/$* $(BUILD)/$*/random-calls --calls $(or $(CALLS),$(calls-$*)) --seed $(SEED)

# Runs the seeds and the findings of earlier runs, and then new inputs for SECONDS per target.
FUZZ_TARGETS := configuration claims pods protobuf
SECONDS ?= 60
.PHONY: fuzz
fuzz: FUZZ_LIMIT := -max_total_time=$(SECONDS)
fuzz: $(FUZZ_TARGETS:%=fuzz-%) ## run the decoders on hostile inputs (SECONDS=60)

# Runs the seeds, and new inputs for a few seconds.
.PHONY: test-fuzz
test-fuzz: FUZZ_LIMIT := -runs=100000 -max_total_time=20
test-fuzz: $(FUZZ_TARGETS:%=fuzz-%) ## run them for a shorter time

.PHONY: fuzz-build
fuzz-build:
	RUSTC_WRAPPER=$(CURDIR)/fuzz/rustc cargo build --locked --bins --manifest-path fuzz/Cargo.toml --target-dir $(BUILD)/fuzz

.PHONY: $(FUZZ_TARGETS:%=fuzz-%)
$(FUZZ_TARGETS:%=fuzz-%): fuzz-%: fuzz-build
	@mkdir -p fuzz/corpus/$* fuzz/artifacts/$*
	$(BUILD)/fuzz/debug/$* fuzz/corpus/$* fuzz/seeds/$* -artifact_prefix=fuzz/artifacts/$*/ \
		$(FUZZ_LIMIT) -max_len=16384 -timeout=10 -print_final_stats=1

.PHONY: test-memory
test-memory: ## measure the memory of a provider with hostile servers
	cargo test --locked --features testing --profile staged --test memory -- --nocapture

.PHONY: test-miri
test-miri: ## run Miri on the C ABI, with a fake backend
	MIRIFLAGS="-Zmiri-strict-provenance -Zmiri-disable-isolation" \
		cargo +$(NIGHTLY) miri test --locked --lib --target-dir $(BUILD)/miri ffi::

# Runs no child process: a child lacks the stacks of the parent's threads, so valgrind would report
# memory that only these stacks reference as lost.
.PHONY: test-valgrind
test-valgrind: stage ## run the random calls under valgrind, with about 1,000 providers (CALLS=N SEED=N)
	@mkdir -p $(PROGRAMS)
	$(CC) $(RANDOM_CALLS) -o $(PROGRAMS)/random-calls $(C_LINK)
	valgrind --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite --child-silent-after-fork=yes \
		$(PROGRAMS)/random-calls --fork 0 --calls $(or $(CALLS),75000) --seed $(SEED)

# abidw finds types only in an unstripped library.
.PHONY: test-abi
test-abi: ## compare the ABI with the recorded one (Debian package abigail-tools)
	cargo build --locked --lib
	tests/abi/check $(BUILD)/debug/libkubepeers.so

.PHONY: abi
abi: ## record the ABI in tests/abi/libkubepeers.abi
	cargo build --locked --lib
	tests/abi/check --write $(BUILD)/debug/libkubepeers.so

# Needs root, to create systems that run the libraries, and the packages in tests/dist/packages.
.PHONY: test-dist
test-dist: dist control-plane ## check all tarballs, run each on an old system, and reproduce one (root)
	$(TOOL) run -- tests/dist/run $(DIST_TARGETS)
	tests/dist/reproducible $(firstword $(DIST_TARGETS))

.PHONY: test-wheel
test-wheel: wheel control-plane ## check the wheels, and install and run those that can run here (root)
	$(TOOL) run -- tests/wheel/run $(DIST_TARGETS)
	tests/wheel/reproducible $(DIST_TARGETS)

.PHONY: test-java-jars
test-java-jars: java-jars control-plane ## check the jars with the library, and run the Java package with each (root)
	$(COMPILE_JAVA) tests/java-jars/Discover.java
	$(TOOL) run -- tests/java-jars/run $(DIST_TARGETS)
