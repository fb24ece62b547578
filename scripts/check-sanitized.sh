#!/usr/bin/env bash
# Runs what depends on threads, clocks, and the functions of libc that AsyncIOTesting replaces, in builds with sanitizers:
#
#   - loops on several threads, with ThreadSanitizer. The optional argument is the number of items that are sent
#     through a mailbox;
#   - the tests of clocks, virtual time, seeds, and simulations, with ThreadSanitizer and with AddressSanitizer.
#
# Builds only that (see the end of Package.swift), in .build/thread and .build/address: a few minutes the first time.
# Fails if a sanitizer reports something, or if a part does not do what it should. No report is suppressed.
set -euo pipefail
cd "$(dirname "$0")/.."

build() {
    local log=.build/$1.log
    mkdir -p .build
    if ! ASYNCIO_SANITIZED=1 swift build --build-tests --sanitize="$1" --scratch-path ".build/$1" >"$log" 2>&1; then
        cat "$log"
        exit 1
    fi
}

tests() {
    local log=.build/$1-tests.log
    if ! timeout 600 ".build/$1/debug/swift-asyncioPackageTests.xctest" --testing-library swift-testing >"$log" 2>&1; then
        cat "$log"
        echo "FAILED: the tests of clocks with --sanitize=$1"
        exit 1
    fi
    echo "ok: $1, $(tail -n 1 "$log")"
}

# 66 is the status of a process with a race, which ends there.
export TSAN_OPTIONS=halt_on_error=1:exitcode=66:second_deadlock_stack=1
# Tests drop suspended tasks together with their loops, and the runtime cannot end those tasks.
export ASAN_OPTIONS=detect_leaks=0

build thread
program=.build/thread/debug/loop-thread-program
parts=(everything bodies order late "ends 30" dropped left blocking many signals handover "mailbox ${1:-20000}")
for part in "${parts[@]}"; do
    log=.build/thread-${part%% *}.log
    status=0
    # shellcheck disable=SC2086
    timeout 300 "$program" $part >"$log" 2>&1 || status=$?
    if [ "$status" -ne 0 ] || [ "$(tail -n 1 "$log")" != end ] || grep -qE ' false$|lost [1-9]|doubled [1-9]' "$log"; then
        cat "$log"
        echo "FAILED: $program $part, with status $status"
        exit 1
    fi
    echo "ok: $part"
done
tests thread

build address
tests address
