#!/usr/bin/env bash
# Runs loops on several threads in a program that is compiled with ThreadSanitizer. Fails if there is a data
# race, or if a part of the program does not do what it should. Builds that program only, in .build/tsan: a few
# minutes the first time. The optional argument is the number of items that are sent through a mailbox.
set -euo pipefail
cd "$(dirname "$0")/.."

build=.build/tsan
swift build --sanitize=thread --scratch-path "$build" --product loop-thread-program
program=$build/debug/loop-thread-program

# 66 is the status of a process with a race, which ends there. No report is suppressed.
export TSAN_OPTIONS=halt_on_error=1:exitcode=66:second_deadlock_stack=1
parts=(everything order late "ends 30" dropped left blocking many signals handover "mailbox ${1:-20000}")
for part in "${parts[@]}"; do
    log=$build/${part%% *}.log
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
