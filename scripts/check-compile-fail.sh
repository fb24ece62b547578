#!/bin/sh
# Checks that the files of Tests/CompileFail do not compile, with the errors that each
# expects, or compile with the warnings that it expects. Needs the modules of `swift build`.
set -eu
cd "$(dirname "$0")/.."

products=.build/debug
flags="-swift-version 6 -enable-upcoming-feature NonisolatedNonsendingByDefault -I $products/Modules"
for map in $products/*.build/module.modulemap; do
    flags="$flags -Xcc -fmodule-map-file=$map"
done
for include in Sources/*/include .build/checkouts/*/Sources/*/include; do
    flags="$flags -Xcc -I$include"
done

failures=0
complain() {
    echo "$1" >&2
    failures=$((failures + 1))
}

# Each line of $1 that the compiler has not said, as a $2.
missing() {
    printf '%s\n' "$1" | while IFS= read -r line; do
        [ -z "$line" ] || printf '%s\n' "$output" | grep "$2: " | grep -qF -- "$line" || printf '%s\n' "$line"
    done
}

for file in Tests/CompileFail/*.swift; do
    expected=$(sed -n 's|^// error: ||p' "$file")
    warnings=$(sed -n 's|^// warning: ||p' "$file")
    number=$(sed -n 's|^// warnings: ||p' "$file")
    # Data races are found after type checking, so that -typecheck would not do.
    if output=$(swiftc -emit-sil -o /dev/null $flags "$file" 2>&1); then
        [ -z "$expected" ] || complain "$file compiles, but must not"
    elif [ -z "$expected" ]; then
        complain "$file must compile, but does not:
$output"
    elif [ -n "$(missing "$expected" error)" ]; then
        complain "$file fails, but not with \"$(missing "$expected" error)\":
$output"
    fi
    if [ -n "$(missing "$warnings" warning)" ]; then
        complain "$file has no warning \"$(missing "$warnings" warning)\":
$output"
    fi
    found=$(printf '%s\n' "$output" | grep -c "^[^ ].*: warning: " || true)
    if [ -n "$number" ] && [ "$found" -ne "$number" ]; then
        complain "$file has $found warnings, and not $number:
$output"
    fi
done

[ "$failures" -eq 0 ] && echo "Everything that must not compile does not."
exit "$((failures > 0))"
