# The tests that take long, and need more than a fresh machine has. Part of the Makefile.

.PHONY: test-long
test-long: dependencies test-memory test-address test-thread test-fuzz test-miri test-valgrind test-abi test-dist test-wheel ## all that takes long

# The toolchain that has sanitizers and Miri: rustup toolchain install $(NIGHTLY) --component miri,rust-src
NIGHTLY ?= nightly-2026-05-20
TARGET  := x86_64-unknown-linux-gnu
# Repeats the calls of each thread, though not how the threads interleave.
SEED    ?= 21

# `=`: the Makefile sets the parts after it has included this file.
RANDOM_CALLS = -std=c11 -Iinclude $(C_TEST_FLAGS) $(C_TEST_SHARED) $(wildcard tests/c/model/*.c)

.PHONY: test-calls
test-calls: stage ## random calls of every export
	@mkdir -p $(PROGRAMS)
	$(CC) $(RANDOM_CALLS) -o $(PROGRAMS)/random-calls $(C_LINK)
	tests/exports $(STAGE)/lib/libkubepeers.so $(PROGRAMS)/random-calls
	$(PROGRAMS)/random-calls --calls 100000 --seed $(SEED)

SANITIZERS      := address thread
runtime-address := asan
runtime-thread  := tsan
calls-address   := 300000
calls-thread    := 200000
# Without it, the thread sanitizer takes std's own synchronization for races.
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

# The C compiler's own runtime may be another version: the one that rustc brings serves both.
.PHONY: $(SANITIZERS:%=test-%)
$(SANITIZERS:%=test-%): test-%: library-% ## the same with all memory or all threads watched (CALLS=N SEED=N)
	$(CC) -fsanitize=$* -fno-omit-frame-pointer -r -nostdlib $(RANDOM_CALLS) -o $(BUILD)/$*/random-calls.o
	$(CC) $(BUILD)/$*/random-calls.o -o $(BUILD)/$*/random-calls -L$(BUILD)/$* -lkubepeers -Wl,--export-dynamic \
		-Wl,--whole-archive "$$(rustc +$(NIGHTLY) --print target-libdir)/librustc-nightly_rt.$(runtime-$*).a" \
		-Wl,--no-whole-archive -lpthread -ldl -lm -lrt
	LD_LIBRARY_PATH=$(BUILD)/$* $(BUILD)/$*/random-calls --calls $(or $(CALLS),$(calls-$*)) --seed $(SEED)

# First the seeds, and what was found in earlier runs, then new inputs for so many seconds each.
FUZZ_TARGETS := configuration claims pods protobuf
SECONDS ?= 60
.PHONY: fuzz
fuzz: FUZZ_LIMIT := -max_total_time=$(SECONDS)
fuzz: $(FUZZ_TARGETS:%=fuzz-%) ## feeds the decoders with hostile inputs (SECONDS=60)

# The seeds, and so many inputs as cost some seconds.
.PHONY: test-fuzz
test-fuzz: FUZZ_LIMIT := -runs=100000 -max_total_time=20
test-fuzz: $(FUZZ_TARGETS:%=fuzz-%) ## the same, shorter

.PHONY: fuzz-build
fuzz-build:
	RUSTC_WRAPPER=$(CURDIR)/fuzz/rustc cargo build --locked --bins --manifest-path fuzz/Cargo.toml --target-dir $(BUILD)/fuzz

.PHONY: $(FUZZ_TARGETS:%=fuzz-%)
$(FUZZ_TARGETS:%=fuzz-%): fuzz-%: fuzz-build
	@mkdir -p fuzz/corpus/$* fuzz/artifacts/$*
	$(BUILD)/fuzz/debug/$* fuzz/corpus/$* fuzz/seeds/$* -artifact_prefix=fuzz/artifacts/$*/ \
		$(FUZZ_LIMIT) -max_len=16384 -timeout=10 -print_final_stats=1

.PHONY: test-memory
test-memory: ## the memory of a client against hostile servers
	cargo test --locked --profile staged --test memory -- --nocapture

.PHONY: test-miri
test-miri: ## Miri over the C ABI, with a fake backend
	MIRIFLAGS="-Zmiri-strict-provenance -Zmiri-disable-isolation" \
		cargo +$(NIGHTLY) miri test --locked --lib --target-dir $(BUILD)/miri ffi::

# Without a child process: the stacks of the parent's threads are not in it, so that what they own is lost.
.PHONY: test-valgrind
test-valgrind: stage ## the random calls under valgrind, with about 1,000 providers (CALLS=N SEED=N)
	@mkdir -p $(PROGRAMS)
	$(CC) $(RANDOM_CALLS) -o $(PROGRAMS)/random-calls $(C_LINK)
	valgrind --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite --child-silent-after-fork=yes \
		$(PROGRAMS)/random-calls --fork 0 --calls $(or $(CALLS),75000) --seed $(SEED)

# An unstripped library: only there abidw finds the types.
.PHONY: test-abi
test-abi: ## the ABI against the one that is committed (needs Debian's abigail-tools)
	cargo build --locked --lib
	tests/abi/check $(BUILD)/debug/libkubepeers.so

.PHONY: abi
abi: ## writes tests/abi/libkubepeers.abi anew
	cargo build --locked --lib
	tests/abi/check --write $(BUILD)/debug/libkubepeers.so

# As root: it makes systems, and runs the libraries in them. tests/dist/packages lists Debian's packages that it needs.
.PHONY: test-dist
test-dist: dist control-plane ## checks the tarballs, and runs each in an old system; builds one once more
	$(TOOL) run -- tests/dist/run $(DIST_TARGETS)
	tests/dist/reproducible $(firstword $(DIST_TARGETS))

.PHONY: test-wheel
test-wheel: wheel control-plane ## checks the wheels, and installs and runs those that can run here; as root, too
	$(TOOL) run -- tests/wheel/run $(DIST_TARGETS)
	tests/wheel/reproducible $(DIST_TARGETS)
