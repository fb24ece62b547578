/// libFuzzer's entry point. Ends the process if a stream is read differently in pieces.
@_cdecl("LLVMFuzzerTestOneInput")
nonisolated public func testOneInput(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: bytes, count: count))
    var generator = SeededGenerator(seed: UInt64(count))
    do {
        try ParserModel.check(input, &generator)
        // The same bytes as the seed of values that are written, read, damaged, and read again.
        generator = SeededGenerator(seed: input.reduce(0) { $0 &* 31 &+ UInt64($1) })
        try ParserModel.run(&generator)
    } catch {
        fatalError("\(error)")
    }
    return 0
}
