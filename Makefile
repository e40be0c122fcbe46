# Every task by its name; `make` lists them. Variables are given as in `make demo SOURCE=/srv`.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

CARGO ?= cargo
PYTHON ?= python3
BUILD := $(or $(CARGO_TARGET_DIR),target)
VENV := $(BUILD)/venv
# Written by `make tools` once nothing is missing: from then on no test may skip.
TOOLS_COMPLETE := $(BUILD)/tools-complete
export EFSBACKUP_REQUIRE_TOOLS ?= $(if $(wildcard $(TOOLS_COMPLETE)),1,0)

COMMA := ,
FEATURES := mirror mount snapshot shard json pipeline cfn terraform draw recipe stack deploy aws s3 engine worker wire serve service testing cli
# With AWS=1 the command is built with AWS's SDK in it.
COMMAND_FEATURES := cli$(if $(AWS),$(COMMA)s3)

.PHONY: help
help: ## List the tasks
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the command as target/release/efsbackup; with AWS=1 it can reach AWS
	$(CARGO) build --release --locked -p efsbackup-core --features $(COMMAND_FEATURES)

.PHONY: demo
demo: build ## Show a pipeline from its definition to a proved restore: SOURCE=/usr/include DEST=target/demo
	EFSBACKUP="$(abspath $(BUILD))/release/efsbackup" examples/demo.sh

.PHONY: test
test: fmt-check lint test-rust doc test-python ## Check format and lints, and run every test in Rust, C and Python

.PHONY: test-rust
test-rust: ## Run the Rust and C tests
	PATH="$(abspath $(VENV))/bin:$$PATH" $(CARGO) test --workspace --features efsbackup-core/testing --locked --no-fail-fast

# The compiler's own switch for it, which stable compilers hide; proc macros and build scripts go without.
HOST = $(shell rustc -vV | sed -n 's|^host: ||p')
.PHONY: test-c-sanitize
test-c-sanitize: ## Run the C tests with AddressSanitizer, in the library too, and UndefinedBehaviorSanitizer in C
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address EFSB_SANITIZE=1 $(CARGO) test --locked -p efsbackup-ffi \
	  --target $(HOST) --target-dir $(BUILD)/sanitize --no-fail-fast

AWS_TESTS := --locked -p efsbackup-core --no-default-features -F cli,s3
.PHONY: test-aws
test-aws: ## Lint and test what reaches AWS, on this machine's own double of it and on moto
	RUSTFLAGS="-D warnings" $(CARGO) clippy -q $(AWS_TESTS) --lib --bins --test 'aws*' --test 'deploy_*' --target-dir $(BUILD)/features
	PATH="$(abspath $(VENV))/bin:$$PATH" $(CARGO) test $(AWS_TESTS) --test 'aws*' --test 'deploy_*' --no-fail-fast
	$(CARGO) test $(AWS_TESTS) --doc -- aws

.PHONY: test-python
test-python: $(VENV)/.installed ## Build the wheel (unoptimized) and run the Python tests on it
	rm -rf $(BUILD)/wheels
	$(VENV)/bin/maturin build --quiet --locked -m efsbackup-py/Cargo.toml -i $(VENV)/bin/python --out $(BUILD)/wheels
	$(VENV)/bin/python -m pip install --quiet --no-deps --force-reinstall $(BUILD)/wheels/*.whl
	$(VENV)/bin/python -m pytest -q efsbackup-py/tests

.PHONY: test-types
test-types: $(VENV)/.installed ## Check the Python package's types as pyright does, with basedpyright (installed, 280 MB)
	$(VENV)/bin/python -c 'import efsbackup' 2> /dev/null || $(MAKE) test-python
	$(VENV)/bin/python -m pip install --quiet 'basedpyright>=1.30,<2'
	cd efsbackup-py && $(abspath $(VENV))/bin/basedpyright --pythonpath $(abspath $(VENV))/bin/python -p pyproject.toml

.PHONY: test-dask
test-dask: ## Kill a worker of dask while it copies, and hold the guide against dask's packages (installed, 250 MB, in an environment of its own)
	ls $(BUILD)/wheels/*.whl > /dev/null 2>&1 || $(MAKE) test-python
	$(PYTHON) -m venv $(BUILD)/dask
	$(BUILD)/dask/bin/python -m pip install --quiet pytest 'distributed>=2026,<2027' 'dask-jobqueue>=0.9,<1' 'dask-cloudprovider[aws]>=2025.9'
	$(BUILD)/dask/bin/python -m pip install --quiet --no-deps --force-reinstall $(BUILD)/wheels/*.whl
	$(BUILD)/dask/bin/python -m pytest -q -p no:cacheprovider efsbackup-py/tests/dask_killed.py efsbackup-py/tests/dask_clusters.py

.PHONY: test-oracle
test-oracle: ## Compare many more random trees with rsync: SEEDS=1000..2000
	EFSBACKUP_SEEDS=$(or $(SEEDS),1000..2000) $(CARGO) test -p efsbackup-core --no-default-features -F mirror --test oracle

# What the tests on NFS servers run beside the command: in CI all of it has been built before.
NFS_TEST = LIBRARY="$(abspath $(BUILD))/debug/deps/libefsbackup.so" PYTHON="$(abspath $(VENV))/bin/python" \
  ORACLE="$$(PATH="$(abspath $(VENV))/bin:$$PATH" $(CARGO) test --workspace --features efsbackup-core/testing --locked --no-run --message-format=json | \
    sed -n 's|.*"executable":"\([^"]*/oracle-[0-9a-f]*\)".*|\1|p')" \
  tests/nfs/test.sh "$(abspath $(BUILD))/release/efsbackup"

.PHONY: nfs-tools
nfs-tools: build $(VENV)/.installed
	$(VENV)/bin/python -c 'import efsbackup' 2> /dev/null || $(MAKE) test-python

.PHONY: test-nfs
test-nfs: nfs-tools ## Run the command on real NFS servers in User-mode Linux (root, x86-64, Debian)
	$(NFS_TEST)

.PHONY: soak-nfs
soak-nfs: nfs-tools ## test-nfs with more random trees and kills, and the faults that take longer to show
	EFSBACKUP_SOAK=1 LIMIT=3000 $(NFS_TEST) guides outages crash copy oracle backup shard pipeline mount languages ansible hang faults

.PHONY: bench-nfs
bench-nfs: build ## Compare with rsync and others over latency, and count calls: LATENCIES="0.5 2 10" ROUNDS=3
	tests/nfs/bench.sh "$(abspath $(BUILD))/release/efsbackup" $(LATENCIES)

.PHONY: bench-jobs
bench-jobs: build ## Compare --jobs auto with fixed numbers over NFS: LATENCIES="0 0.5 2 10" ROUNDS=5
	ROUNDS=$(or $(ROUNDS),5) PROGRAMS="$(or $(PROGRAMS),auto jobs-16 jobs-32 jobs-64)" WORKS="first unchanged" \
	  tests/nfs/bench.sh "$(abspath $(BUILD))/release/efsbackup" $(or $(LATENCIES),0 0.5 2 10)

SHARD_BENCH = $(CARGO) bench -q --no-run --locked -p efsbackup-core --no-default-features -F shard --bench shard
.PHONY: bench-shard
bench-shard: ## Measure what a second process gains over NFS (root): LATENCIES=2 ROUNDS=5 FILES=20000 JOBS=4 UNITS=4
	tests/nfs/bench-shard.sh "$$($(SHARD_BENCH) --message-format=json | sed -n 's|.*"executable":"\([^"]*/shard-[0-9a-f]*\)".*|\1|p')" $(LATENCIES)

.PHONY: soak
soak: ## Try the mirror for long: 10,000 random rounds and 3,000 sets of rules against rsync, a 30 s attack, 1,000,000 names; SCRATCH=/dev/shm
	EFSBACKUP_SCRATCH=$(or $(SCRATCH),/dev/shm) EFSBACKUP_SEEDS=$(or $(SEEDS),1000..3500) $(CARGO) test --locked -p efsbackup-core --no-default-features -F mirror --test oracle after_a_mirror
	EFSBACKUP_SEEDS=$(or $(SEEDS),1000..2000) $(CARGO) test --locked -p efsbackup-core --no-default-features -F mirror --test filter rsync
	EFSBACKUP_SOAK_SECONDS=30 $(CARGO) test --locked -p efsbackup-core --no-default-features -F mirror --test mirror_attack -- --nocapture
	EFSBACKUP_WIDE=1000000 $(CARGO) test --locked -p efsbackup-core --no-default-features -F mirror --test mirror_limits wide

.PHONY: fuzz
fuzz: ## Search each parser for inputs that break it, with libFuzzer: TIME=600 TARGETS="expression cli"
	nice efsbackup-core/fuzz/run.sh $(BUILD)/fuzz $(or $(TIME),600) $(TARGETS)

.PHONY: soak-snapshots
soak-snapshots: ## Kill, stop and starve backups for long, at every step and at random moments
	EFSBACKUP_SOAK=1 $(CARGO) test --locked -p efsbackup-core --no-default-features -F snapshot,testing \
	  --test adopt_killed --test asleep --test crash --test mirror_killed --test full_disk --test immutable -- --nocapture

.PHONY: soak-power
soak-power: ## Cut the power of backups to ext4 and XFS, 110 times each (root)
	EFSBACKUP_SOAK=1 $(CARGO) test --locked -p efsbackup-core --no-default-features -F snapshot,testing \
	  --test power_loss -- --nocapture

.PHONY: soak-memory
soak-memory: ## Measure the memory of manifests and journals at 10,000,000 entries, of a resumed run at 1,000,000
	EFSBACKUP_SOAK=1 EFSBACKUP_SCRATCH=$(or $(SCRATCH),/dev/shm) $(CARGO) test --locked -p efsbackup-core \
	  --no-default-features -F snapshot,testing --test memory -- --nocapture --test-threads=1

.PHONY: test-rot
test-rot: ## Flip every byte of what is kept of a snapshot, and have each found
	EFSBACKUP_EVERY_BYTE=1 $(CARGO) test --locked -p efsbackup-core --no-default-features -F snapshot,testing --test bit_rot -- --nocapture

.PHONY: soak-engine
soak-engine: ## Run the hourly pipeline for 30 simulated days; kill engine and worker 300 times each
	EFSBACKUP_RUNS=720 $(CARGO) test --locked -p efsbackup-core --no-default-features -F serve,worker --test engine_month -- --nocapture
	EFSBACKUP_KILLS=300 $(CARGO) test --locked -p efsbackup-core --no-default-features -F serve,worker --test engine_chaos -- --nocapture

.PHONY: test-ansible
test-ansible: build ## Drive the service with Ansible's module, installed (500 MB) in an environment of its own
	$(PYTHON) -m venv $(BUILD)/ansible
	$(BUILD)/ansible/bin/python -m pip install --quiet 'ansible>=11,<13' 'boto3>=1.38,<2'
	tests/serve/ansible.sh $(BUILD)/release/efsbackup $(BUILD)/ansible

.PHONY: test-ansible-sanity
test-ansible-sanity: $(VENV)/.installed ## Check the Ansible collection with all of ansible-test sanity, on each Python that is here
	tests/ansible/sanity.sh $(BUILD)/sanity $(VENV)

.PHONY: lint
lint: ## Run clippy and, where it is installed, shellcheck
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	@if command -v shellcheck > /dev/null; then \
	  git ls-files -z '*.sh' .ci/run | xargs -0 -r shellcheck; \
	else echo "shellcheck is not installed: shell scripts are not checked"; fi

.PHONY: fmt
fmt: ## Format the Rust code
	$(CARGO) fmt --all

.PHONY: fmt-check
fmt-check: ## Check the format of the Rust code
	$(CARGO) fmt --all --check

.PHONY: features
features: ## Check that each feature of efsbackup-core compiles alone, and the lock files of its fuzzer and walk
	for crate in fuzz benches/walk; do \
	  $(CARGO) metadata -q --locked --format-version 1 --manifest-path efsbackup-core/$$crate/Cargo.toml > /dev/null; \
	done
	for feature in $(FEATURES); do \
	  echo "feature $$feature"; \
	  RUSTFLAGS="-D warnings" $(CARGO) check -q --locked -p efsbackup-core --no-default-features -F $$feature --target-dir $(BUILD)/features; \
	done

.PHONY: doc
doc: ## Build the documentation; a broken link is an error
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked --quiet

.PHONY: header
header: ## Write include/efsbackup.h anew from the Rust code
	EFSB_WRITE_HEADER=1 $(CARGO) test -q -p efsbackup-ffi --test header

.PHONY: golden
golden: ## Write docs/validation.md, the README's picture and what validation says of its test files anew
	EFSB_WRITE_GOLDEN=1 $(CARGO) test -q -p efsbackup-core --no-default-features -F recipe,draw --test validation_files --test recipe
	EFSB_WRITE_GOLDEN=1 $(CARGO) test -q -p efsbackup-ffi --test errors

TERRAFORM_KINDS := $(addprefix data.aws_,caller_identity iam_policy_document partition region ssm_parameter) \
  $(addprefix aws_,cloudwatch_metric_alarm datapipeline_pipeline datapipeline_pipeline_definition \
    efs_file_system efs_file_system_policy efs_mount_target iam_instance_profile iam_role \
    iam_role_policy iam_role_policy_attachment s3_bucket s3_bucket_lifecycle_configuration \
    s3_bucket_ownership_controls s3_bucket_policy s3_bucket_public_access_block \
    s3_bucket_server_side_encryption_configuration security_group sns_topic sns_topic_policy \
    vpc_security_group_egress_rule vpc_security_group_ingress_rule)

.PHONY: schemas
schemas: ## Write anew what the AWS provider of Terraform takes, from a package (500 MB) in an environment of its own
	$(PYTHON) -m venv $(BUILD)/schemas
	$(BUILD)/schemas/bin/python -m pip install --quiet cdktf-cdktf-provider-aws
	$(BUILD)/schemas/bin/python tests/terraform_arguments.py tests/vectors/terraform_arguments.json $(TERRAFORM_KINDS)

.PHONY: bench
bench: ## Compare walks with jwalk's
	mkdir -p $(BUILD)/bench
	cd $(BUILD)/bench && $(CARGO) run -q --release --locked --manifest-path $(CURDIR)/efsbackup-core/benches/walk/Cargo.toml --target-dir .

.PHONY: bench-definitions
bench-definitions: ## Time what is done with definitions of 1 MB, in shapes made to be slow
	$(CARGO) bench -q --locked -p efsbackup-core --no-default-features -F draw --bench definitions

.PHONY: bench-engine
bench-engine: ## Time and measure the service with 100 busy pipelines and 90 days of history
	$(CARGO) bench -q --locked -p efsbackup-core --no-default-features -F serve --bench engine

PLACES ?= /dev/shm $(BUILD)/bench
.PHONY: bench-peers
bench-peers: build ## Compare whole runs with other programs': SCALE=1 ROUNDS=5 DATA=SLWDM WITHOUT=fpsync,rclone PLACES=/dev/shm
	mkdir -p $(BUILD)/bench
	$(CC) -O2 -Wall -Wextra -pthread -o $(BUILD)/bench/floor efsbackup-core/benches/peers/floor.c
	$(CC) -O2 -Wall -Wextra -o $(BUILD)/bench/run efsbackup-core/benches/peers/run.c
	$(PYTHON) -B efsbackup-core/benches/peers/bench.py --efsbackup $(BUILD)/release/efsbackup \
	  --floor $(BUILD)/bench/floor --runner $(BUILD)/bench/run $(PLACES:%=--place %) \
	  --scale $(or $(SCALE),1) --rounds $(or $(ROUNDS),5) --data $(or $(DATA),SLWDM) --without "$(WITHOUT)"

.PHONY: bench-digests
bench-digests: build ## What manifest and digests cost a first copy: in memory, and over NFS at 1 ms (root): ROUNDS=5 FILES=3000
	mkdir -p $(BUILD)/bench
	$(CC) -O2 -Wall -Wextra -o $(BUILD)/bench/run efsbackup-core/benches/peers/run.c
	$(PYTHON) -B efsbackup-core/benches/peers/bench.py --efsbackup $(BUILD)/release/efsbackup --floor floor \
	  --runner $(BUILD)/bench/run --place /dev/shm --data SL --work "first snapshot" --rounds $(or $(ROUNDS),5) \
	  --scale $(or $(SCALE),1) --without "floor,rsync -aHAX" --no-counts
	ROUNDS=$(or $(ROUNDS),5) FILES=$(or $(FILES),3000) PROGRAMS=auto WORKS="first snapshot" \
	  tests/nfs/bench.sh "$(abspath $(BUILD))/release/efsbackup" 1

.PHONY: test-bench
test-bench: ## Run bench-peers on a small scale, to show that it works
	$(MAKE) bench-peers SCALE=0.005 ROUNDS=1 PLACES=/dev/shm

.PHONY: deny
deny: ## Check licences, sources and advisories of every dependency (needs cargo-deny and its database)
	$(CARGO) deny --all-features check

.PHONY: tools
tools: $(VENV)/.installed ## Install what only the tests need, and say what is missing
	tests/tools.sh $(TOOLS_COMPLETE)

$(VENV)/.installed: tests/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet -r tests/requirements.txt
	touch $@

.PHONY: dist
dist: ## Build the wheel, the C libraries and the command, optimized, into target/dist, with their SHA-256
	rm -rf $(BUILD)/dist && mkdir -p $(BUILD)/dist
	$(CARGO) build --release --locked -p efsbackup-core --features cli
	$(CARGO) build --release --locked -p efsbackup-ffi
	cp $(BUILD)/release/efsbackup $(BUILD)/release/libefsbackup.{a,so} include/efsbackup.h $(BUILD)/dist/
	$(MAKE) dist-wheel dist-command

# One wheel for every Python from 3.10 on, on Linux with glibc 2.28 or newer. WHEEL_FEATURES= leaves AWS's SDK out.
WHEEL_FEATURES ?= aws
.PHONY: dist-wheel
dist-wheel: $(VENV)/.installed $(BUILD)/zig/.installed ## Build the wheel, optimized, into target/dist
	mkdir -p $(BUILD)/dist
	rm -f $(BUILD)/dist/*.whl
	PATH="$(abspath $(BUILD))/zig/bin:$$PATH" $(VENV)/bin/maturin build --release --locked --zig --compatibility manylinux_2_28 \
	  $(WHEEL_FEATURES:%=-F %) -m efsbackup-py/Cargo.toml --target $(HOST) --target-dir $(BUILD)/portable --out $(BUILD)/dist

# Those that this machine has, then those that DEBIAN= gives as VERSION:SUITE, unpacked into folders.
PYTHONS ?= $(foreach version,10 11 12 13 14 15,$(shell python3.$(version) -c 'import sys; print(sys.executable)' 2> /dev/null || \
  ls -d ~/.pyenv/versions/3.$(version).*/bin/python3.$(version) 2> /dev/null))
DEBIAN_PYTHONS = $(foreach each,$(DEBIAN),$(BUILD)/pythons/debian-$(firstword $(subst :, ,$(each))))
.PHONY: test-wheel
test-wheel: dist-wheel $(DEBIAN_PYTHONS) ## Test the wheel alone with several Pythons: PYTHONS="python3.10 …", DEBIAN="3.14:forky …" (root)
	rm -rf $(BUILD)/pythons/pytest
	$(VENV)/bin/python -m pip install --quiet --target $(BUILD)/pythons/pytest --python-version 3.10 --only-binary=:all: \
	  'pytest>=8,<10' exceptiongroup tomli typing_extensions
	efsbackup-py/tests/wheel.sh $(BUILD)/dist/efsbackup-*.whl $(BUILD)/pythons/pytest $(BUILD)/pythons $(PYTHONS) $(DEBIAN_PYTHONS)

$(BUILD)/pythons/debian-%:
	efsbackup-py/tests/debian.sh $* $(patsubst $*:%,%,$(filter $*:%,$(DEBIAN))) $@

CALLS ?= 20000
.PHONY: leaks-python
leaks-python: $(BUILD)/wheel/.installed ## Count what each call from Python leaves in memory: CALLS=20000
	MALLOC_ARENA_MAX=1 PYTHONMALLOC=malloc $(BUILD)/wheel/bin/python efsbackup-py/tests/leaks.py $(CALLS)

.PHONY: bench-python
bench-python: build $(BUILD)/wheel/.installed ## What a call from Python costs over the command: ROUNDS=11 SCRATCH=/dev/shm
	$(BUILD)/wheel/bin/python efsbackup-py/benches/overhead.py $(BUILD)/release/efsbackup $(or $(SCRATCH),/dev/shm) $(or $(ROUNDS),11)

# The optimized wheel in an environment of its own.
.PHONY: $(BUILD)/wheel/.installed
$(BUILD)/wheel/.installed: dist-wheel
	$(PYTHON) -m venv $(BUILD)/wheel
	$(BUILD)/wheel/bin/python -m pip install --quiet --no-index --force-reinstall $(BUILD)/dist/efsbackup-*.whl

# zig links with the symbols of an old glibc; Rust's own part needs 2.17.
.PHONY: dist-command
dist-command: $(BUILD)/zig/.installed ## Build the command for glibc 2.17 or newer: x86-64, and aarch64 where rustup has its target
	mkdir -p $(BUILD)/dist
	for machine in x86_64 aarch64; do \
	  target=$$machine-unknown-linux-gnu; \
	  if [ ! -d "$$(rustc --print sysroot)/lib/rustlib/$$target" ]; then \
	    echo "not built: $$target ('rustup target add $$target' brings what it needs)"; continue; \
	  fi; \
	  PATH="$(abspath $(BUILD))/zig/bin:$$PATH" $(CARGO) zigbuild --release --locked -p efsbackup-core \
	    --features $(COMMAND_FEATURES) --target $$target.2.17 --target-dir $(BUILD)/portable; \
	  cp $(BUILD)/portable/$$target/release/efsbackup $(BUILD)/dist/efsbackup-$$machine-linux; \
	done
	tests/glibc.sh 2.17 $(BUILD)/dist/efsbackup-*-linux
	cd $(BUILD)/dist && rm -f SHA256SUMS && sha256sum -- * > ../SHA256SUMS && mv ../SHA256SUMS .

$(BUILD)/zig/.installed:
	$(PYTHON) -m venv $(BUILD)/zig
	$(BUILD)/zig/bin/python -m pip install --quiet 'cargo-zigbuild>=0.20,<1' ziglang
	touch $@

PREFIX ?= /usr/local
.PHONY: install
install: ## Install what `make dist` built for C, and the command: PREFIX=/usr/local DESTDIR=
	$(MAKE) install-c FROM=$(BUILD)/release
	install -D -m 755 $(BUILD)/release/efsbackup $(DESTDIR)$(PREFIX)/bin/efsbackup

# The C interface from the folder FROM.
.PHONY: install-c
install-c:
	install -D -m 644 include/efsbackup.h $(DESTDIR)$(PREFIX)/include/efsbackup.h
	install -D -m 755 $(FROM)/libefsbackup.so $(DESTDIR)$(PREFIX)/lib/libefsbackup.so.0
	ln -sf libefsbackup.so.0 $(DESTDIR)$(PREFIX)/lib/libefsbackup.so
	install -D -m 644 $(FROM)/libefsbackup.a $(DESTDIR)$(PREFIX)/lib/libefsbackup.a
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig
	sed -e 's|@PREFIX@|$(PREFIX)|' -e "s|@VERSION@|$$(sed -n 's|^version = "\(.*\)"|\1|p' Cargo.toml | head -1)|" \
	  efsbackup-ffi/efsbackup.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/efsbackup.pc

.PHONY: clean
clean: ## Remove everything that was built
	$(CARGO) clean
