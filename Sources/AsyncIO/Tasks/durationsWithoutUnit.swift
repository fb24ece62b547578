// # Durations without a unit
//
// In this library, a duration has a unit. `sleep(1)`, as in asyncio, would still compile wherever Glibc or Foundation
// is imported. It would call libc's function and block the loop for a second. In async code, the compiler prefers an
// available async overload to a synchronous function. Therefore, these overloads do what is intended, with a warning.
// Where libc has no function of that name, the overloads are unavailable, and their messages say what to write instead.

/// Sleeps for a number of seconds, as in asyncio.
///
/// - Throws: `CancellationError` if the task is cancelled.
@available(*, deprecated, message: "write the unit: sleep(.seconds(1)), sleep(.milliseconds(500))")
@_documentation(visibility: internal)
public func sleep(_ seconds: some BinaryInteger) async throws {
    try await sleep(.seconds(Int64(clamping: seconds)))
}

/// Sleeps for a number of seconds, as in asyncio.
///
/// - Throws: ``ValueError`` if `seconds` is NaN; `CancellationError` if the task is cancelled.
@available(*, deprecated, message: "write the unit: sleep(.seconds(0.5)), sleep(.milliseconds(500))")
@_documentation(visibility: internal)
public func sleep(_ seconds: some BinaryFloatingPoint) async throws {
    let seconds = Double(seconds)
    // The limit is about a century, which is practically forever and fits into a `Duration`.
    guard !seconds.isNaN else { throw ValueError("seconds must be a number, got nan") }
    try await sleep(.seconds(max(-1, min(seconds, 3e9))))
}

/// Sleeps for a number of microseconds. Unlike libc's function of the same name, this function does not block the loop.
/// The function throws `CancellationError` if the task is cancelled.
@available(*, deprecated, message: "write the unit: sleep(.microseconds(500))")
@_documentation(visibility: internal)
public func usleep(_ microseconds: some BinaryInteger) async throws {
    try await sleep(.microseconds(Int64(clamping: microseconds)))
}

/// Unavailable: a duration needs a unit.
@available(*, unavailable, message: "write the unit: withTimeout(.seconds(5)) { … }")
@_disfavoredOverload
@_documentation(visibility: internal)
@discardableResult
public func withTimeout<T>(
    _ delay: some Numeric, _ body: () async throws -> T
) async throws -> T {
    fatalError("unavailable")
}

/// Unavailable: a duration needs a unit.
@available(*, unavailable, message: "write the unit: waitFor(future, timeout: .seconds(5))")
@_disfavoredOverload
@_documentation(visibility: internal)
@discardableResult
public func waitFor<A: Awaitable>(_ future: A, timeout: some Numeric) async throws -> A.Value {
    fatalError("unavailable")
}

/// Unavailable: a duration needs a unit.
@available(*, unavailable, message: "write the unit: waitFor(timeout: .seconds(5)) { … }")
@_disfavoredOverload
@_documentation(visibility: internal)
@discardableResult
public func waitFor<T>(
    timeout: some Numeric, _ body: () async throws -> T
) async throws -> T {
    fatalError("unavailable")
}

extension EventLoop {
    /// Unavailable: a duration needs a unit.
    @available(*, unavailable, message: "write the unit: callLater(.seconds(5)) { … }")
    @_disfavoredOverload
    @_documentation(visibility: internal)
    @discardableResult
    public func callLater(_ delay: some Numeric, _ callback: @escaping () throws -> Void) throws -> TimerHandle {
        fatalError("unavailable")
    }
}
