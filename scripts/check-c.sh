#!/usr/bin/env bash
# Compiles the C code with all warnings as errors, and runs the tests in Tests/C, which call every
# function of it, with AddressSanitizer and UndefinedBehaviorSanitizer. Takes a few seconds. Needs the
# Swift toolchain's clang, and openssl for the tests of TLS.
set -euo pipefail
cd "$(dirname "$0")/.."

clang=$(dirname "$(readlink -f "$(command -v swift)")")/clang
build=.build/check-c
mkdir -p "$build"

warnings="-Wall -Wextra -Wmissing-prototypes -Werror"
flags="-std=gnu17 -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"
compiled=() jobs=()
for file in Sources/CShims/*.c Tests/C/*.c; do
    object=$build/$(basename "$(dirname "$file")")-$(basename "$file" .c).o
    # shellcheck disable=SC2086
    "$clang" $warnings $flags -I Sources/CShims/include -c "$file" -o "$object" &
    compiled+=("$object") jobs+=($!)
done
for job in "${jobs[@]}"; do wait "$job"; done
# shellcheck disable=SC2086
"$clang" $flags -fuse-ld=lld -rdynamic -o "$build/c-tests" "${compiled[@]}" -ldl -lpthread

if command -v openssl >/dev/null; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$build/key.pem" \
        -out "$build/certificate.pem" -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
    export ASYNCIO_TEST_CERTIFICATE=$build/certificate.pem ASYNCIO_TEST_KEY=$build/key.pem
elif [ "${ASYNCIO_REQUIRE_PEERS:-}" = 1 ]; then
    echo "the tests of TLS need openssl"
    exit 1
fi
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1
"$build/c-tests"
