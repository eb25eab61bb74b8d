# The only entry points: `make` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

CARGO ?= cargo
PREFIX ?= /usr/local
DESTDIR ?=
# A static binary without relocations starts faster and runs on any Linux of the same processor.
HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
STATIC := target/$(HOST)/release/maint

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: demo
demo: compiler ## build, make a sample site in target/demo, rehearse and run its jobs
	$(CARGO) build --locked --quiet
	@bash docs/demo.sh target/debug/maint target/demo

.PHONY: test
test: tools ## build and run every test
	$(CARGO) test --locked

.PHONY: lint
lint: ## formatting, clippy, documentation, left-over markers
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items --quiet
	@! grep -rnE '\b(todo!|unimplemented!|dbg!)\(|FIXM[E]|XX[X]' src tests benches

.PHONY: docs
docs: ## write docs/commands.md, man pages, completions and the schema anew
	UPDATE=1 $(CARGO) test --locked --quiet -- consistency presets

.PHONY: bench
bench: release ## measure against the usual tools, as ratios (docs/performance.md)
	python3 benches/bench.py $(STATIC)

.PHONY: release
release: compiler ## build the static binary
	RUSTFLAGS="-C target-feature=+crt-static -C relocation-model=static" $(CARGO) build --locked --release --target $(HOST)

.PHONY: install
install: ## install binary, man pages and completions below $(PREFIX)
	@# After `make release`, `sudo make install` needs no Rust for root.
	ls target/*-*/release/maint >/dev/null 2>&1 || $(MAKE) release
	install -Dm755 "$$(ls -t target/*-*/release/maint | head -n 1)" $(DESTDIR)$(PREFIX)/bin/maint
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	install -m644 docs/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -Dm644 docs/completions/maint.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/maint
	install -Dm644 docs/completions/_maint $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_maint
	install -Dm644 docs/completions/maint.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/maint.fish

# Both install what is missing where they can (as root, with apt), and otherwise say what to install.
# Pairs of a program and the Debian package that holds it; Debian keeps PostgreSQL's server programs in a folder of their own.
.PHONY: compiler
compiler:
	@command -v cargo >/dev/null || { echo "maint needs Rust 1.89 or newer: https://rustup.rs"; exit 1; }
	@$(call ensure,cc:gcc cc:libc6-dev)

.PHONY: tools
tools: compiler
	@$(call ensure,strace:strace sqlite3:sqlite3 unshare:util-linux nsenter:util-linux setpriv:util-linux script:bsdutils python3:python3 crontab:cron busybox:busybox-static systemd-analyze:systemd initdb:postgresql git:git redis-server:redis-server mkfs.ext4:e2fsprogs zstd:zstd openssl:openssl)
	@# The tests can do without these, and say so.
	@(python3 -c 'import ensurepip' 2>/dev/null || { $(call ensure,ensurepip:python3-venv); }) || echo "going on without"
	@($(call ensure,dockerd:docker.io docker-compose:docker-compose)) || echo "going on without"
	@($(call ensure,restic:restic age:age promtool:prometheus)) || echo "going on without"
	@($(call ensure,nginx:nginx-light chromium:chromium chromedriver:chromium-driver)) || echo "going on without"
	@($(call ensure,npm:npm)) || echo "going on without"

define ensure
	missing=; \
	PATH="$$PATH:/usr/sbin:/sbin:$$(echo /usr/lib/postgresql/*/bin | tr ' ' ':')"; \
	for pair in $(1); do command -v $${pair%%:*} >/dev/null || missing="$$missing $${pair##*:}"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing$$missing"; \
		apt-get update -qq; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	else \
		echo "please install:$$missing"; exit 1; \
	fi
endef
