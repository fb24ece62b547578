// Lists of bodies from modules without NonisolatedNonsendingByDefault.
//
// There, `[() async throws -> T]` is an array of `@concurrent` functions, which is not the
// type that this module's functions take. The compiler converts one into the other, but
// what it emits for an array of functions fails at run time (Swift 6.3: "Could not cast
// value of type"). So each function that takes a list of bodies takes this list too.

/// Runs all of `bodies` as tasks and waits for them; returns their values in order.
@discardableResult
public func gather<T>(
    isolation: isolated (any Actor)? = #isolation, _ bodies: some Sequence<@concurrent () async throws -> T>
) async throws -> [T] {
    try await gather(isolation: isolation, nonsending(bodies))
}

/// Runs all of `bodies` as tasks and waits for them to end, in whatever way; returns how
/// they did, in order.
@discardableResult
public func gatherResults<T>(
    isolation: isolated (any Actor)? = #isolation, _ bodies: some Sequence<@concurrent () async throws -> T>
) async throws -> [Result<T, any Error>] {
    try await gatherResults(isolation: isolation, nonsending(bodies))
}

/// Runs bodies as tasks; the tasks in the order they end.
public func asCompleted<T>(
    isolation: isolated (any Actor)? = #isolation, _ bodies: some Sequence<@concurrent () async throws -> T>,
    timeout: Duration? = nil
) -> AsCompleted<AsyncTask<T>> {
    asCompleted(isolation: isolation, nonsending(bodies), timeout: timeout)
}

/// Runs an array of bodies as tasks; the first that ends decides.
public func race<T>(
    isolation: isolated (any Actor)? = #isolation, _ bodies: some Sequence<@concurrent () async throws -> T>
) async throws -> T {
    try await race(isolation: isolation, nonsending(bodies))
}

/// Starts bodies one after the other until one has a value.
public func staggeredRace<T>(
    delay: Duration?, isolation: isolated (any Actor)? = #isolation,
    _ bodies: some Sequence<@concurrent () async throws -> T>
) async throws -> (value: T?, index: Int?, errors: [(any Error)?]) {
    try await staggeredRace(delay: delay, isolation: isolation, nonsending(bodies))
}

private func nonsending<T>(_ bodies: some Sequence<@concurrent () async throws -> T>) -> [() async throws -> T] {
    bodies.map { body in
        // SAFETY: everything that is not handed to the thread pool runs on the loop's
        // thread, the default executor's code too; so body and value never leave it.
        nonisolated(unsafe) let body = body
        return {
            nonisolated(unsafe) let value = unsafe try await body()
            return unsafe value
        }
    }
}
