#!/usr/bin/env bash
# Runs a command as on a machine that has little more than Swift: its PATH contains only Swift's own
# programs, a linker, and coreutils. There is no python3, no curl, and no C compiler.
#
#     scripts/with-bare-path.sh swift test
set -euo pipefail

swift=$(dirname "$(readlink -f "$(command -v swift)")")
if [ "$swift" = /usr/bin ]; then
    echo "Swift must be installed outside of /usr/bin, which contains all other programs" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
for program in $(dpkg -L coreutils | grep -E '^(/usr)?/bin/.') ld ld.gold ld.bfd; do
    path=$(command -v "$program") && ln -s "$path" "$folder/${program##*/}"
done
unset ASYNCIO_REQUIRE_PEERS
PATH="$swift:$folder" "$@"
