#!/usr/bin/env bash
# Runs every clock in virtual time and a simulated network in a program that is linked with --static-swift-stdlib.
# Tests cannot be linked in this way, because Swift has no static library for XCTest or Swift Testing. Builds in
# .build/static.
set -euo pipefail
cd "$(dirname "$0")/.."

program=virtual-clock-program
options=(--product "$program" --static-swift-stdlib --scratch-path .build/static)
log=.build/static.log
mkdir -p .build
swift build "${options[@]}" >"$log" 2>&1 || { cat "$log"; exit 1; }
program=$(swift build "${options[@]}" --show-bin-path)/$program
if ldd "$program" | grep -q libswift; then
    echo "FAILED: $program is not linked statically"
    exit 1
fi
"$program" static | tee "$log"
if [ "$(tail -n 1 "$log")" != end ] || grep -q ' false' "$log"; then
    echo "FAILED: a clock does not follow virtual time in a program that is linked statically"
    exit 1
fi
