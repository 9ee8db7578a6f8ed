# One command for each habit; what a command needs, it installs itself.
# Everything real stands in scripts/, so that a step can also be run alone.

.DEFAULT_GOAL := help
.PHONY: help run test test-slow bench fuzz lint fmt docs

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

run: ## build the server, create a first key, start it
	@scripts/run

test: ## install what the tests need, run all but the slow ones
	@scripts/test

test-slow: ## the tests that take minutes (crashes, long streams)
	@scripts/test-slow

bench: ## measure against wrk, Scrapy and a bare Rust loop on this machine
	@scripts/bench

fuzz: ## fuzz what a stranger can send: requests, addresses, pages, shapes; a minute each
	@scripts/fuzz

lint: ## formatting, clippy, licences and bans
	@scripts/lint

fmt: ## format all Rust code
	cargo fmt --all

docs: ## the reference of the crates, in target/doc
	@scripts/install-build-deps
	cargo doc --workspace --no-deps
