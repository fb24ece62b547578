#!/bin/sh
# Checks that each file in Tests/CompileFail fails to compile with the errors that it expects, or
# compiles with the warnings that it expects. Needs the modules that `swift build` creates.
set -eu
cd "$(dirname "$0")/.."

. scripts/module-flags.sh
flags="-swift-version 6 -enable-upcoming-feature NonisolatedNonsendingByDefault $flags"

failures=0
complain() {
    echo "$1" >&2
    failures=$((failures + 1))
}

# Prints each line of $1 that the compiler did not emit as a $2.
missing() {
    printf '%s\n' "$1" | while IFS= read -r line; do
        [ -z "$line" ] || printf '%s\n' "$output" | grep "$2: " | grep -qF -- "$line" || printf '%s\n' "$line"
    done
}

for file in Tests/CompileFail/*.swift; do
    expected=$(sed -n 's|^// error: ||p' "$file")
    warnings=$(sed -n 's|^// warning: ||p' "$file")
    number=$(sed -n 's|^// warnings: ||p' "$file")
    # Data races are diagnosed after type checking, so -typecheck is not enough.
    if output=$(swiftc -emit-sil -o /dev/null $flags "$file" 2>&1); then
        [ -z "$expected" ] || complain "$file must not compile, but it does"
    elif [ -z "$expected" ]; then
        complain "$file must compile, but it does not:
$output"
    elif [ -n "$(missing "$expected" error)" ]; then
        complain "$file does not compile, but without the error \"$(missing "$expected" error)\":
$output"
    fi
    if [ -n "$(missing "$warnings" warning)" ]; then
        complain "$file lacks the warning \"$(missing "$warnings" warning)\":
$output"
    fi
    found=$(printf '%s\n' "$output" | grep -c "^[^ ].*: warning: " || true)
    if [ -n "$number" ] && [ "$found" -ne "$number" ]; then
        complain "$file has $found warnings, expected $number:
$output"
    fi
done

[ "$failures" -eq 0 ] && echo "All files compile or fail to compile as expected."
exit "$((failures > 0))"
