#!/bin/sh
# Checks that the files of Tests/CompileFail do not compile, with the error that each
# expects. Needs the modules of `swift build`.
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

for file in Tests/CompileFail/*.swift; do
    expected=$(sed -n 's|^// error: ||p' "$file")
    # Data races are found after type checking, so that -typecheck would not do.
    if output=$(swiftc -emit-sil -o /dev/null $flags "$file" 2>&1); then
        [ -z "$expected" ] || complain "$file compiles, but must not"
    elif [ -z "$expected" ]; then
        complain "$file must compile, but does not:
$output"
    elif ! printf '%s\n' "$output" | grep -qF "error: $expected"; then
        complain "$file fails, but not with \"$expected\":
$output"
    fi
done

[ "$failures" -eq 0 ] && echo "Everything that must not compile does not."
exit "$((failures > 0))"
