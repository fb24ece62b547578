internal import CShims

/// Prefetches memory that is needed soon. The address does not have to be valid.
@inline(__always)
func fetch(_ address: UInt, lines: Int32) { asyncio_prefetch(address, lines) }

/// Prefetches the frames of a suspended task, whose address this is.
@inline(__always)
func fetchFrames(ofTask address: UInt) { asyncio_prefetch_frames(address) }
