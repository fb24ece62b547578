//===-- The supported platforms --------------------------------------------===//
// Every file includes this header before any other header, so that on other platforms this error is
// reported first. 0-platform.swift in AsyncIOSystem contains the same check in Swift.
#ifndef ASYNCIO_PLATFORM_H
#define ASYNCIO_PLATFORM_H

#if !defined(__linux__) || defined(__ANDROID__)
#error "swift-asyncio supports only Linux, on x86-64 and arm64. On macOS or Windows, work in a Linux container: open the package in an editor that supports dev containers, or use the Docker image swift:6.3."
#elif !__has_include(<gnu/libc-version.h>)
#error "swift-asyncio needs the GNU C library, which the static Linux SDK (musl) does not have. Build for a distribution such as Debian, Ubuntu, or Fedora, with --static-swift-stdlib if you want few dependencies."
#endif

#endif
