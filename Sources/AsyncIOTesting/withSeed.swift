internal import CAsyncIOTesting

/// Runs `body` while the seed determines the random numbers of `SystemRandomNumberGenerator` and of C code on this
/// thread. Without a seed, they come from the system as usual.
func withSeed<T>(_ seed: UInt64?, _ body: () throws -> T) rethrows -> T {
    guard let seed else { return try body() }
    let previous = asyncio_testing_seed_random(asyncio_testing_random(is_seeded: true, state: seed))
    defer { _ = asyncio_testing_seed_random(previous) }
    return try body()
}
