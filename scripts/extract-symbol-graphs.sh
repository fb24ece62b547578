#!/bin/sh
# Writes the public symbols of the products to .build/symbol-graphs/MODULE, for the documentation and
# for the check of the public API.
set -eu
cd "$(dirname "$0")/.."

# Build the modules; AsyncIOTesting depends on all of them but AsyncIORedis.
swift build --target AsyncIOTesting
swift build --target AsyncIORedis

. scripts/module-flags.sh
target=$(swiftc -print-target-info | sed -n 's/^ *"unversionedTriple": "\(.*\)",*$/\1/p')

for module in AsyncIO AsyncIOMain AsyncIORedis AsyncIOTesting; do
    graphs=.build/symbol-graphs/$module
    rm -rf "$graphs"
    mkdir -p "$graphs"
    # Skip the members that sequences inherit from the standard library, which documents them.
    swift symbolgraph-extract -module-name $module -target "$target" $flags -minimum-access-level public \
        -emit-extension-block-symbols -skip-synthesized-members -output-dir "$graphs"
done
