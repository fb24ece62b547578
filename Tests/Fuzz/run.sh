#!/usr/bin/env bash
# Fuzzes the parsers of streams and of RESP, and the TLS code, for the given number of seconds each (600 by default),
# starting from the corpus in Tests/Fuzz/corpus, and writes new inputs there. Needs clang with libFuzzer
# (the Swift toolchain's clang has it), lld and openssl.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-600}
clang=$(dirname "$(readlink -f "$(command -v swift)")")/clang
build=.build
mkdir -p $build

unpack() { # name folder
    mkdir -p "$2"
    [ -f "corpus/$1.hex" ] || return 0
    nl -ba -w1 -s' ' "corpus/$1.hex" | while read -r number digits; do
        printf '%s' "$digits" | python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))' >"$2/$number"
    done
}
pack() { # folder name
    python3 - "$1" >"corpus/$2.hex" <<'PYTHON'
import pathlib, sys
inputs = {path.read_bytes() for path in pathlib.Path(sys.argv[1]).iterdir()}
for data in sorted(inputs, key=lambda data: (len(data), data)):
    if data:
        print(data.hex())
PYTHON
}
fuzz() { # name program options...
    local name=$1 program=$2
    shift 2
    local folder=$build/corpus-$name small=$build/small-$name
    rm -rf "$folder" "$small"
    mkdir -p "$small"
    unpack "$name" "$folder"
    "$program" -max_total_time="$seconds" -artifact_prefix="$build/$name-" "$@" "$folder"
    "$program" -merge=1 "$@" "$small" "$folder"
    pack "$small" "$name"
}

shims=../../Sources/CShims
"$clang" -fuse-ld=lld -g -O1 -fsanitize=fuzzer,address -o $build/tls-fuzz tls_fuzz.c \
    $shims/openssl.c $shims/tls.c $shims/tls_context.c $shims/certificate.c -ldl -lpthread 2>/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout $build/key.pem -out $build/cert.pem \
    -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
export FUZZ_CERTIFICATE=$build/cert.pem FUZZ_KEY=$build/key.pem ASAN_OPTIONS=quarantine_size_mb=16

swift build --sanitize fuzzer --product stream-fuzz
swift build --sanitize fuzzer --product resp-fuzz

fuzz tls $build/tls-fuzz -max_len=2000 -rss_limit_mb=1500
fuzz streams $build/debug/stream-fuzz -max_len=300 -rss_limit_mb=1500
fuzz resp $build/debug/resp-fuzz -max_len=300 -rss_limit_mb=1500
