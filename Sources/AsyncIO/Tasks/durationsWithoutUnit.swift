// # What asyncio writes in numbers
//
// A duration has a unit here. `sleep(1)` would still compile wherever Glibc or Foundation is
// imported, being libc's, and block the loop for a second. In async code an async overload goes
// before a synchronous one, if it may be used: so these do what is meant, and warn. Where libc has
// no function of the name, the overloads cannot be used, and say what to write.

/// Sleeps for a number of seconds, as in asyncio.
@available(*, deprecated, message: "write the unit: sleep(.seconds(1)), sleep(.milliseconds(500))")
@_documentation(visibility: internal)
public nonisolated(nonsending) func sleep(_ seconds: some BinaryInteger) async throws {
    try await sleep(.seconds(Int64(clamping: seconds)))
}

/// Sleeps for a number of seconds, as in asyncio.
@available(*, deprecated, message: "write the unit: sleep(.seconds(0.5)), sleep(.milliseconds(500))")
@_documentation(visibility: internal)
public nonisolated(nonsending) func sleep(_ seconds: some BinaryFloatingPoint) async throws {
    let seconds = Double(seconds)
    // A century is as good as for ever, and fits.
    guard !seconds.isNaN else { throw ValueError("sleep() needs a number of seconds, not nan") }
    try await sleep(.seconds(max(-1, min(seconds, 3e9))))
}

/// Sleeps for a number of microseconds, where libc's function of this name would block the loop.
@available(*, deprecated, message: "write the unit: sleep(.microseconds(500))")
@_documentation(visibility: internal)
public nonisolated(nonsending) func usleep(_ microseconds: some BinaryInteger) async throws {
    try await sleep(.microseconds(Int64(clamping: microseconds)))
}

@available(*, unavailable, message: "write the unit: withTimeout(.seconds(5)) { … }")
@_disfavoredOverload
@_documentation(visibility: internal)
@discardableResult
public nonisolated(nonsending) func withTimeout<T>(
    _ delay: some Numeric, _ body: () async throws -> T
) async throws -> T {
    fatalError("unavailable")
}

@available(*, unavailable, message: "write the unit: waitFor(future, timeout: .seconds(5))")
@_disfavoredOverload
@_documentation(visibility: internal)
@discardableResult
public nonisolated(nonsending) func waitFor<A: Awaitable>(_ future: A, timeout: some Numeric) async throws -> A.Value {
    fatalError("unavailable")
}

@available(*, unavailable, message: "write the unit: waitFor(timeout: .seconds(5)) { … }")
@_disfavoredOverload
@_documentation(visibility: internal)
@discardableResult
public nonisolated(nonsending) func waitFor<T>(
    timeout: some Numeric, _ body: () async throws -> T
) async throws -> T {
    fatalError("unavailable")
}

extension EventLoop {
    @available(*, unavailable, message: "write the unit: callLater(.seconds(5)) { … }")
    @_disfavoredOverload
    @_documentation(visibility: internal)
    @discardableResult
    public func callLater(_ delay: some Numeric, _ callback: @escaping () throws -> Void) throws -> TimerHandle {
        fatalError("unavailable")
    }
}
