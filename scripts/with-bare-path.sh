#!/usr/bin/env bash
# Runs a command as on a machine that has little more than Swift: its PATH contains only Swift's own
# programs, a linker, and coreutils. There is no python3, no curl, and no gcc.
#
#     scripts/with-bare-path.sh swift test
set -euo pipefail
shopt -s nullglob

swift=$(dirname "$(readlink -f "$(command -v swift)")")
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
# Swift can be in a directory with many other programs, as in the official containers.
for path in "$swift"/{swift,clang,lld,llvm,ld.lld,ld64.lld,docc,sourcekit}*; do
    ln -s "$path" "$folder/"
done
for program in $(dpkg -L coreutils | grep -E '^(/usr)?/bin/.') ld ld.gold ld.bfd; do
    path=$(command -v "$program") && ln -s "$path" "$folder/${program##*/}"
done
unset ASYNCIO_REQUIRE_PEERS
PATH="$folder" "$@"
