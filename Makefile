# Thin on purpose: every target is a command or two that you could type yourself.
SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c
# Compiled dependencies outlive a clone: they are the expensive part, and clones share them.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kastellan/target
KASTELLAN = $(CARGO_TARGET_DIR)/release/kastellan

.PHONY: quickstart run check test suites faults suites-full smoke sim fuzz bench fix packages packages-build supply-chain
.PHONY: image e2e e2e-full image-before packages-image packages-e2e

# the README's first command: a broker and a topic on this computer, until Ctrl-C
quickstart: packages-build
	cargo build --release --locked --bin kastellan
	exec $(KASTELLAN) up manifests/quickstart.yaml

# the same with your own arguments: make run ARGS="broker --help"
run:
	cargo build --release --locked --bin kastellan
	exec $(KASTELLAN) $(ARGS)

# what an editor would tell you; never writes
check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

# everything that decides whether a change may land; never writes
test: packages check
	cargo test --locked
	cargo test --locked -p kastellan-e2e --test tidy
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --document-private-items
	$(MAKE) --no-print-directory sim fuzz suites smoke

# one broker on a faulty disk, a quorum and replicas on a faulty network. The seeds follow from the commit: new ones for
# every commit, yet the same commit gets the same verdict everywhere. More of them: make sim FROM=1 SEEDS=100000
FROM ?= $(shell printf '%d' 0x$$(git rev-parse --short=10 HEAD 2>/dev/null || echo 0))
sim:
	cargo run --release --locked -q -p kastellan-sim -- --from $(FROM) --seeds $(or $(SEEDS),6000)
	cargo run --release --locked -q -p kastellan-sim -- fleet --from $(FROM) --seeds $(or $(SEEDS),1500)
	cargo run --release --locked -q -p kastellan-sim -- replication --from $(FROM) --seeds $(or $(SEEDS),1500)

# hostile bytes, so many seconds a target
fuzz:
	broker/fuzz/run.sh $(or $(SECONDS_OF_FUZZ),45)

# real clients, kill -9, DumpLogSegments, Apache Kafka as the oracle, the operator on a real API server
suites: packages
	cargo build --release --locked --bin kastellan
	KASTELLAN_BIN=$(KASTELLAN) KASTELLAN_TURN=$(FROM) cargo test --release --locked -p kastellan-e2e -- --test-threads=1

# a cluster and a topic from apply to delete on a real Kubernetes, where one can run (root or Docker): with the
# program that the suites have just tried, so that no other one has to be built
SMOKE = $(CARGO_TARGET_DIR)/image-smoke
smoke: packages
	cargo build --release --locked --bin kastellan
	cargo run --release --locked -q -p kastellan-e2e --bin image -- --linked $(KASTELLAN) $(SMOKE)
	cargo test --release --locked -q -p kastellan-e2e --test kubernetes --no-run
	KASTELLAN_IMAGE_DIR=$(SMOKE) cargo run --release --locked -q -p kastellan-e2e --bin cluster -- try -- \
		cargo test --release --locked -q -p kastellan-e2e --test kubernetes -- --include-ignored \
		lifecycle::a_client_in_a_pod lifecycle::a_cluster_whose_volumes

# the same for longer, and the judges judged: each of them against Apache Kafka
suites-full: suites
	KASTELLAN_BIN=$(KASTELLAN) KGO_TEST_RECORDS=100000 cargo test --release --locked -p kastellan-e2e --test kgo
	KASTELLAN_TURN=all cargo test --release --locked -p kastellan-e2e --test convergence
	KASTELLAN_JUDGE=kafka cargo test --release --locked -p kastellan-e2e --test clients --test tools --test python \
		--test kgo --test oracle --test hostile -- --test-threads=1

# what happens to hosts, also what takes longer than a change should wait for (root: brokers in networks of their own)
faults:
	cargo build --release --locked --bin kastellan
	KASTELLAN_BIN=$(KASTELLAN) cargo test --release --locked -p kastellan-e2e --test faults -- \
		--include-ignored --test-threads=1 $(ARGS)

# tools of Rust's that no package of this machine has, each built once: $(call tool,NAME,VERSION)
TOOLS = $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kastellan/tools
define tool
if [ ! -x $(TOOLS)/bin/$(1) ]; then
	CARGO_TARGET_DIR=$(TOOLS)/target cargo install -q --locked --root $(TOOLS) $(1)@$(2)
	rm -rf $(TOOLS)/target
fi
endef

# the image, without Docker (the Dockerfile does the same with it): an OCI archive with one static program.
# Neither this machine's paths (ours are relative to begin with) nor the time of day get into it.
MUSL = $(shell uname -m)-unknown-linux-musl
IMAGE = $(CARGO_TARGET_DIR)/image
IMAGE_PROFILE ?= dist
# what is shipped has the list of its parts in it, which cargo audit and others read
AUDITABLE = $(if $(filter dist,$(IMAGE_PROFILE)),auditable)
image: packages-image
	$(if $(AUDITABLE),$(call tool,cargo-auditable,0.7.7))
	export PATH=$(TOOLS)/bin:$$PATH RUSTFLAGS="--remap-path-prefix=$${CARGO_HOME:-$$HOME/.cargo}=/cargo"
	cargo $(AUDITABLE) build --profile $(IMAGE_PROFILE) --locked --target $(MUSL) --bin kastellan
	unset RUSTFLAGS
	mkdir -p $(IMAGE)
	strip --strip-debug -o $(IMAGE)/kastellan $(CARGO_TARGET_DIR)/$(MUSL)/$(IMAGE_PROFILE)/kastellan
	cargo run --locked -q -p kastellan-e2e --bin image -- $(IMAGE)/kastellan $(IMAGE)

# on a real Kubernetes: E2E_PROVIDER=local (root), kind (Docker or Podman) or existing (KUBECONFIG); E2E_KEEP=1
# leaves the cluster running, and the next run finds it. One scenario: make e2e ARGS=topics
e2e: IMAGE_PROFILE = release
e2e: packages-e2e image
	cargo test --locked -p kastellan-e2e --test kubernetes --no-run
	export KASTELLAN_IMAGE_DIR=$(IMAGE)
	cargo run --locked -q -p kastellan-e2e --bin cluster -- run -- \
		cargo test --locked -q -p kastellan-e2e --test kubernetes -- --include-ignored --test-threads=4 \
		$(ARGS)

# the same with the very program that is shipped, with ten thousand topics, and from the commit before this one
e2e-full: image-before
	E2E_FULL=1 $(MAKE) --no-print-directory e2e IMAGE_PROFILE=dist

# the image of the commit before this one, unless it was kept when it was made
image-before:
	before=$$(git rev-parse HEAD^)
	kept=$${XDG_CACHE_HOME:-$$HOME/.cache}/kastellan/e2e/images/$$before
	if [ -e $$kept/name ]; then exit 0; fi
	tree=$$(mktemp -d)
	git worktree add -q --detach $$tree $$before
	trap 'git worktree remove --force $$tree' EXIT
	$(MAKE) --no-print-directory -C $$tree image IMAGE_PROFILE=release

# ours beside Apache Kafka, in one run
bench: packages
	cargo build --profile dist --locked --bin kastellan
	KASTELLAN_BIN=$(CARGO_TARGET_DIR)/dist/kastellan cargo run --release --locked -p kastellan-e2e --bin bench -- $(ARGS)

# what is not ours: licences, bans and sources (deny.toml), known holes where their database can be reached, and a bill of
# materials beside the image. The first time it builds the two tools, which takes minutes: make test goes without.
supply-chain:
	$(call tool,cargo-deny,0.20.2)
	$(call tool,cargo-cyclonedx,0.5.9)
	export PATH=$(TOOLS)/bin:$$PATH
	cargo deny --locked check licenses bans sources
	if cargo deny --locked fetch db; then
		cargo deny --locked check --disable-fetch advisories
	else
		echo "NOT CHECKED: known holes in what is not ours, as their database cannot be reached from here" >&2
	fi
	# in a copy, for it writes a bill beside every crate
	copy=$$(mktemp -d)
	trap 'rm -rf $$copy' EXIT
	git archive HEAD | tar -x -C $$copy
	cd $$copy
	cargo cyclonedx -q --manifest-path operator/Cargo.toml --format json --target $(MUSL) --no-build-deps --override-filename bill
	mkdir -p $(IMAGE)
	mv operator/bill.json $(IMAGE)/kastellan.cdx.json
	echo $(IMAGE)/kastellan.cdx.json

# format, then write every generated file
fix:
	cargo fmt --all
	cargo run -q -p kastellan-crds --bin crdgen
	page=$$(cargo run -q -p kastellan-core --example config_page) && echo "$$page" > broker/CONFIG.md

packages-build:
	@.ci/packages build
packages:
	@.ci/packages test
packages-image:
	@.ci/packages image $(MUSL)
packages-e2e:
	@.ci/packages e2e
