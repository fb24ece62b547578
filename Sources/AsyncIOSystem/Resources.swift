internal import CShims
package import SystemPackage

/// The limits that the operating system sets for this process.
package enum Resources {
    /// The number of descriptors that the process can have, and the maximum to which it can raise
    /// that.
    package static func descriptorLimit() throws(Errno) -> (soft: UInt64, hard: UInt64) {
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        _ = try unsafe check(asyncio_descriptor_limit(&soft, &hard))
        return (soft, hard)
    }

    package static func setDescriptorLimit(_ soft: UInt64) throws(Errno) {
        _ = try check(asyncio_descriptor_limit_set(soft))
    }

    package static var peakMemory: UInt64 { asyncio_peak_memory() }

    package static func isTerminal(_ descriptor: Int32) -> Bool { asyncio_is_terminal(descriptor) }
    package static func terminalWidth(_ descriptor: Int32) -> Int { Int(asyncio_terminal_width(descriptor)) }
}
