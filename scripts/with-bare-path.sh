#!/usr/bin/env bash
# Runs a command as on a machine that has Swift and next to nothing else: its PATH leads to
# Swift's own programs, a linker and coreutils only. No python3, no curl, no C compiler.
#
#     scripts/with-bare-path.sh swift test
set -euo pipefail

swift=$(dirname "$(readlink -f "$(command -v swift)")")
if [ "$swift" = /usr/bin ]; then
    echo "Swift is installed in /usr/bin, where everything else is too" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
for program in $(dpkg -L coreutils | grep -E '^(/usr)?/bin/.') ld ld.gold ld.bfd; do
    path=$(command -v "$program") && ln -s "$path" "$folder/${program##*/}"
done
unset ASYNCIO_REQUIRE_PEERS
PATH="$swift:$folder" "$@"
