internal import SystemPackage

/// Returns the text of a small file, such as a file in /proc or /etc. The text is empty if the file cannot be read. The
/// function reads at most 4 MB.
func contents(ofFile path: String) -> String {
    guard let file = try? FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec) else { return "" }
    defer { try? file.close() }
    var bytes: [UInt8] = []
    while true {
        let part = unsafe [UInt8](unsafeUninitializedCapacity: 16_384) { buffer, count in
            // SAFETY: the system writes at most as many bytes as the buffer has.
            count = unsafe (try? file.read(into: UnsafeMutableRawBufferPointer(buffer))) ?? 0
        }
        if part.isEmpty || bytes.count > 4 << 20 { return String(decoding: bytes, as: UTF8.self) }
        bytes += part
    }
}
