internal import Glibc
package import SystemPackage

// The system's strings are bytes that end with a zero. Most are UTF-8, but that is not guaranteed.

extension FilePath {
    /// The path's bytes, without the terminating zero.
    package var bytes: [UInt8] {
        unsafe withPlatformString { text in
            // SAFETY: the text ends with a zero and is only borrowed.
            unsafe Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
        }
    }
}

extension [CChar] {
    /// Creates an array of the bytes and a terminating zero, as C functions expect.
    package init(terminating bytes: some Sequence<UInt8>) {
        self = bytes.map { CChar(bitPattern: $0) } + [0]
    }
}
