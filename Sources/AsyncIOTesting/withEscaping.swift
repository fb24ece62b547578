internal import CAsyncIOTesting

/// Runs `body` with `function` as a closure that may be kept by tasks, also by such as never end.
///
/// `withoutActuallyEscaping` ends the process if somebody still holds the closure when its body
/// has returned. The frames of a task that will never go on do: one that waits for what never
/// comes, left behind when its loop was closed. Their references are given back for them.
///
/// - Parameter hasAbandoned: whether tasks were left behind that hold it.
func withEscaping<T>(
    _ function: @Sendable @concurrent () async throws -> Void,
    _ body: (@escaping @Sendable @concurrent () async throws -> Void, _ hasAbandoned: inout Bool) throws -> T
) throws -> T {
    try withoutActuallyEscaping(function) { function in
        // SAFETY: the closure in a structure is its code and its context, two words. The context
        // is an object of the runtime's, which `function` holds meanwhile. References beyond those
        // of before are of frames that never run again, nor are ever freed: see AbandonedTasks.
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
