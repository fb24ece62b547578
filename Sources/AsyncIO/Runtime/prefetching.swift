internal import CShims

/// Prefetches memory that will be needed soon. The address does not have to be valid.
@inline(__always)
func fetch(_ address: UInt, lines: Int32) { asyncio_prefetch(address, lines) }

/// Prefetches the frames of the suspended task with this address.
@inline(__always)
func fetchFrames(ofTask address: UInt) { asyncio_prefetch_frames(address) }
