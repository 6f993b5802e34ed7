#!/usr/bin/env bash
# Writes the lock files: one resolution for every supported Python and platform, with hashes.
# test.txt is resolved first and constrains the others, so that no two lists disagree.
set -euo pipefail
cd "$(dirname "$0")/.."

compile() {
    "$BIN/uv" pip compile --quiet --universal --generate-hashes --python-version 3.11 \
        --no-emit-index-url --custom-compile-command "make lock" "$@"
}

compile pyproject.toml requirements/build.in requirements/test.in --extra demo --extra rules --extra sllurp \
    --output-file requirements/test.txt --upgrade
compile requirements/build.in --constraint requirements/test.txt --output-file requirements/build.txt
compile pyproject.toml --constraint requirements/test.txt --output-file requirements/runtime.txt
compile pyproject.toml --extra demo --extra rules --constraint requirements/test.txt \
    --output-file requirements/demo.txt
