import AsyncIO

/// libFuzzer's entry point. Ends the process if the reader and its model disagree.
@_cdecl("LLVMFuzzerTestOneInput")
nonisolated public func testOneInput(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: bytes, count: count))
    do {
        try AsyncIO.run {
            if let words = try await disagreement(on: input) { fatalError(words) }
        }
    } catch {
        fatalError("\(error)")
    }
    return 0
}
