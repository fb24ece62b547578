// # What asyncio writes with coroutine objects
//
// A call of an async function in Python makes an object, which `gather` and `createTask` take. In
// Swift it runs the function: what is to run side by side is a closure. These overloads cannot be
// used, and say what to write.

@available(*, unavailable, message: "createTask takes a closure: createTask { try await fetch(1) }")
@_disfavoredOverload
@_documentation(visibility: internal)
@discardableResult
public func createTask<T>(name: String? = nil, eager: Bool = false, _ value: T) -> AsyncTask<T> {
    fatalError("unavailable")
}

@available(
    *, unavailable,
    message: "gather takes closures, tasks or futures: gather({ try await fetch(1) }, { try await fetch(2) })"
)
@_disfavoredOverload
@_documentation(visibility: internal)
@discardableResult
public nonisolated(nonsending) func gather<First, Second, each Other>(
    _ first: First, _ second: Second, _ others: repeat each Other
) async throws -> (First, Second, repeat each Other) {
    fatalError("unavailable")
}

@available(
    *, unavailable,
    message: "gather takes items and one closure for them all: gather(closures) { try await $0() }"
)
@_documentation(visibility: internal)
@discardableResult
public nonisolated(nonsending) func gather<T>(_ closures: [() async throws -> T]) async throws -> [T] {
    fatalError("unavailable")
}
