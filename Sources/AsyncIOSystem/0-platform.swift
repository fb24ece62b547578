// The supported platforms; see platform.h in CShims. The compiler processes the files in the order of their names. The
// name of this file ensures that its error is reported first.

#if !os(Linux)
    #error(
        """
        swift-asyncio supports only Linux, on x86-64 and arm64. On macOS or Windows, work in a Linux container: \
        open the package in an editor that supports dev containers, or use the Docker image swift:6.3.
        """)
#elseif !canImport(Glibc)
    #error(
        """
        swift-asyncio needs the GNU C library, which the static Linux SDK (musl) does not have. Build for a \
        distribution such as Debian, Ubuntu, or Fedora, with --static-swift-stdlib if you want few dependencies.
        """)
#elseif compiler(<6.3)
    #error("swift-asyncio needs Swift 6.3 or later. Install it from https://swift.org/install.")
#endif
