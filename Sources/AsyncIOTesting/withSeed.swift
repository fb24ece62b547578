internal import CAsyncIOTesting

/// Runs `body` while the seed determines the random numbers of `SystemRandomNumberGenerator` and of C code on this
/// thread. Without a seed, the random numbers come from the system as usual.
func withSeed<T>(_ seed: UInt64?, _ body: () throws -> T) rethrows -> T {
    guard let previous = seedRandomNumbers(seed) else { return try body() }
    defer { _ = asyncio_testing_seed_random(previous) }
    return try body()
}

/// Makes the seed determine the random numbers of this thread. Returns the previous state, or nil if there is no seed.
@discardableResult
func seedRandomNumbers(_ seed: UInt64?) -> asyncio_testing_random? {
    seed.map { asyncio_testing_seed_random(asyncio_testing_random(is_seeded: true, state: $0)) }
}
