internal import CAsyncIOTesting

/// Runs `body` with `function` as a closure that tasks can retain, including tasks that never end.
///
/// `withoutActuallyEscaping` ends the process if the closure is still retained when its body has returned. An abandoned
/// task, which was left behind when its loop was closed, is waiting for something that never happens, and its frames
/// still retain the closure. This function releases the references that these frames hold.
///
/// - Parameter hasAbandoned: Whether tasks that retain the closure were left behind.
func withEscaping<T>(
    _ function: @Sendable @concurrent () async throws -> Void,
    _ body: (@escaping @Sendable @concurrent () async throws -> Void, _ hasAbandoned: inout Bool) throws -> T
) throws -> T {
    try withoutActuallyEscaping(function) { function in
        // SAFETY: a closure in a structure consists of two words, its code and its context. The context is a runtime
        // object, which `function` retains during this call. Additional references belong to frames that never run
        // again and are never freed; see AbandonedTasks.
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
