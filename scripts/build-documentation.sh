#!/bin/sh
# Builds the documentation in .build/documentation/MODULE.doccarchive, or in the folder given as an
# argument. Any warning is an error. To view the documentation, run
#
#     scripts/build-documentation.sh && python3 -m http.server -d .build/documentation/AsyncIO.doccarchive
#
# and open http://localhost:8000/documentation/asyncio/.
set -eu
cd "$(dirname "$0")/.."

scripts/extract-symbol-graphs.sh

output=${1:-.build/documentation}
# docc is not on the PATH, but it is in the same folder as the compiler.
docc=$(dirname "$(readlink -f "$(command -v swift)")")/docc

for module in AsyncIO AsyncIOTesting; do
    graphs=.build/symbol-graphs/$module
    rm -rf "$output/$module.doccarchive"
    mkdir -p "$output"
    scripts/check-topics.py "$graphs/$module.symbols.json" "Sources/$module/$module.docc/$module.md"
    # Parameters with a self-explanatory name (isolation, bytes) are not documented separately.
    "$docc" convert "Sources/$module/$module.docc" --additional-symbol-graph-dir "$graphs" \
        --fallback-display-name $module --fallback-bundle-identifier $module \
        --disable-parameters-and-returns-validation --warnings-as-errors --output-dir "$output/$module.doccarchive"
    # Wrap long lines of code instead of hiding their ends beyond the edge of the listing.
    for style in "$output/$module.doccarchive"/css/*.css; do
        echo '.code-listing[data-syntax=swift] *{white-space:pre-wrap!important;overflow-wrap:anywhere}' >>"$style"
    done
    echo "$output/$module.doccarchive"
done
