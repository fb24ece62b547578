#!/bin/sh
# Builds the documentation in .build/documentation/MODULE.doccarchive, or in another folder. Any
# warning is an error.
#
#     scripts/build-documentation.sh [--static] [--base-path PATH] [FOLDER]
#
# --static      also writes all modules to FOLDER/site, a website that any server of files can serve:
#
#                   scripts/build-documentation.sh --static
#                   python3 -m http.server -d .build/documentation/site
#
#               Then open http://localhost:8000.
# --base-path   is the path at which the website is hosted, if that is not the root of its host, such
#               as swift-asyncio for https://example.github.io/swift-asyncio.
set -eu
cd "$(dirname "$0")/.."

static= base=/ output=.build/documentation
while [ $# -gt 0 ]; do
    case $1 in
        --static) static=yes ;;
        --base-path)
            base=${2:?--base-path needs a path}
            shift
            ;;
        -*)
            echo "unknown option $1; see the beginning of $0" >&2
            exit 2
            ;;
        *) output=$1 ;;
    esac
    shift
done

scripts/extract-symbol-graphs.sh

# docc is not on the PATH, but it is in the same folder as the compiler.
docc=$(dirname "$(readlink -f "$(command -v swift)")")/docc

for module in AsyncIO AsyncIORedis AsyncIOTesting; do
    graphs=.build/symbol-graphs/$module
    rm -rf "$output/$module.doccarchive"
    mkdir -p "$output"
    scripts/check-topics.py "$graphs/$module.symbols.json" "Sources/$module/$module.docc/$module.md"
    # Parameters with a self-explanatory name (isolation, bytes) are not documented separately.
    "$docc" convert "Sources/$module/$module.docc" --additional-symbol-graph-dir "$graphs" \
        --fallback-display-name $module --fallback-bundle-identifier $module \
        --transform-for-static-hosting --hosting-base-path "$base" \
        --disable-parameters-and-returns-validation --warnings-as-errors --output-dir "$output/$module.doccarchive"
    scripts/check-sidebar.py "$output/$module.doccarchive"
    # Wrap long lines of code instead of hiding their ends beyond the edge of the listing.
    for style in "$output/$module.doccarchive"/css/*.css; do
        echo '.code-listing[data-syntax=swift] *{white-space:pre-wrap!important;overflow-wrap:anywhere}' >>"$style"
    done
    echo "$output/$module.doccarchive"
done

if [ -n "$static" ]; then
    rm -rf "$output/site"
    "$docc" merge "$output/AsyncIO.doccarchive" "$output/AsyncIORedis.doccarchive" \
        "$output/AsyncIOTesting.doccarchive" \
        --synthesized-landing-page-name swift-asyncio --output-path "$output/site"
    # The root of an archive has no page of its own.
    echo '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=documentation/asyncio/"><title>swift-asyncio</title>' \
        >"$output/site/index.html"
    echo "$output/site"
fi
