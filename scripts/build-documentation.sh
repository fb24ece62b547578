#!/bin/sh
# Makes the documentation, and fails on any warning: .build/documentation/MODULE.doccarchive,
# or where the argument says. To look at it:
#
#     scripts/build-documentation.sh && python3 -m http.server -d .build/documentation/AsyncIO.doccarchive
#
# and open http://localhost:8000/documentation/asyncio/.
set -eu
cd "$(dirname "$0")/.."

# The modules that the symbols are taken from; AsyncIOTesting needs all of them.
swift build --target AsyncIOTesting

output=${1:-.build/documentation}
products=.build/debug
# docc has no name for it, but it is beside the compiler.
docc=$(dirname "$(readlink -f "$(command -v swift)")")/docc

flags="-I $products/Modules"
for map in $products/*.build/module.modulemap; do
    flags="$flags -Xcc -fmodule-map-file=$map"
done
for include in Sources/*/include .build/checkouts/*/Sources/*/include; do
    flags="$flags -Xcc -I$include"
done
target=$(swiftc -print-target-info | sed -n 's/^ *"unversionedTriple": "\(.*\)",*$/\1/p')

for module in AsyncIO AsyncIOTesting; do
    graphs=.build/symbol-graphs/$module
    rm -rf "$graphs" "$output/$module.doccarchive"
    mkdir -p "$graphs" "$output"
    # Not what sequences get from the standard library: that is documented there.
    swift symbolgraph-extract -module-name $module -target "$target" $flags -minimum-access-level public \
        -emit-extension-block-symbols -skip-synthesized-members -output-dir "$graphs"
    scripts/check-topics.py "$graphs/$module.symbols.json" "Sources/$module/$module.docc/$module.md"
    # A parameter that its name says all of (isolation, bytes) has no line of its own.
    "$docc" convert "Sources/$module/$module.docc" --additional-symbol-graph-dir "$graphs" \
        --fallback-display-name $module --fallback-bundle-identifier $module \
        --disable-parameters-and-returns-validation --warnings-as-errors --output-dir "$output/$module.doccarchive"
    echo "$output/$module.doccarchive"
done
