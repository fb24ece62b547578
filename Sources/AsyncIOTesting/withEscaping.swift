internal import CAsyncIOTesting

/// Runs `body` with `function` as a closure that tasks can retain, including tasks that never end.
///
/// `withoutActuallyEscaping` ends the process if the closure is still retained when its body has returned. The frames
/// of abandoned tasks do retain the closure. Such a task waits for something that never happens, and was left behind
/// when its loop was closed. This function releases the references of these frames.
///
/// - Parameter hasAbandoned: Whether tasks that retain the closure were left behind.
func withEscaping<T>(
    _ function: @Sendable @concurrent () async throws -> Void,
    _ body: (@escaping @Sendable @concurrent () async throws -> Void, _ hasAbandoned: inout Bool) throws -> T
) throws -> T {
    try withoutActuallyEscaping(function) { function in
        // SAFETY: a closure in a structure consists of two words, its code and its context. The
        // context is an object of the runtime, which `function` retains meanwhile. Additional
        // references belong to frames that never run again and are never freed: see AbandonedTasks.
        let words = unsafe unsafeBitCast(Held(function: function), to: (code: UInt, context: UInt).self)
        let context = unsafe UnsafeMutableRawPointer(bitPattern: words.context)
        let before = unsafe context.map { unsafe asyncio_testing_retain_count($0) } ?? 0
        var hasAbandoned = false
        let result = Result { try body(function, &hasAbandoned) }
        if hasAbandoned, let context = unsafe context {
            let after = unsafe asyncio_testing_retain_count(context)
            for _ in 0..<max(0, after - before) { unsafe Unmanaged<AnyObject>.fromOpaque(context).release() }
        }
        return try result.get()
    }
}

private struct Held {
    let function: @Sendable @concurrent () async throws -> Void
}
