// # Calls instead of closures
//
// In Python, calling an async function creates a coroutine object, which `gather` and `createTask` accept. In Swift,
// the call runs the function, so concurrent work is passed as a closure. These overloads are unavailable, and their
// messages say what to write instead.

/// Unavailable: pass a closure instead of a call.
@available(*, unavailable, message: "createTask takes a closure: createTask { try await fetch(1) }")
@_disfavoredOverload
@_documentation(visibility: internal)
@discardableResult
public func createTask<T>(name: String? = nil, eager: Bool = false, _ value: T) -> AsyncTask<T> {
    fatalError("unavailable")
}

/// Unavailable: pass closures instead of calls.
@available(
    *, unavailable,
    message: "gather takes closures, tasks, or futures: gather({ try await fetch(1) }, { try await fetch(2) })"
)
@_disfavoredOverload
@_documentation(visibility: internal)
@discardableResult
public func gather<First, Second, each Other>(
    _ first: First, _ second: Second, _ others: repeat each Other
) async throws -> (First, Second, repeat each Other) {
    fatalError("unavailable")
}

/// Unavailable: pass items and one closure for all of them.
@available(
    *, unavailable,
    message: "gather takes items and one closure for them all: gather(closures) { try await $0() }"
)
@_documentation(visibility: internal)
@discardableResult
public func gather<T>(_ closures: [() async throws -> T]) async throws -> [T] {
    fatalError("unavailable")
}
