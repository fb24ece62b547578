# To be sourced, in the package's directory: sets `flags` to what the compiler needs to find the modules
# of the latest debug build.
products=.build/debug
flags="-I $products/Modules"
for map in $products/*.build/module.modulemap; do
    flags="$flags -Xcc -fmodule-map-file=$map"
done
for include in Sources/*/include .build/checkouts/*/Sources/*/include; do
    flags="$flags -Xcc -I$include"
done
