internal import CShims
package import SystemPackage

/// Signals of the operating system: counted by a handler in C, which wakes a loop.
package enum SignalSource {
    /// - Parameter isInsistent: the second arrival ends the process at once, from the signal
    ///   handler, whatever the program is doing.
    package static func install(_ signal: Int32, waking wakeUp: WakeUp, isInsistent: Bool = false) throws(Errno) {
        _ = try check(asyncio_signal_install(signal, wakeUp.descriptor, false, isInsistent))
    }

    /// As `install`, unless the program handles or ignores the signal already: then false.
    package static func installIfDefault(_ signal: Int32, waking wakeUp: WakeUp, isInsistent: Bool) -> Bool {
        asyncio_signal_install(signal, wakeUp.descriptor, true, isInsistent) == 0
    }

    /// Gives the signal its default action back.
    package static func uninstall(_ signal: Int32) { asyncio_signal_uninstall(signal) }

    /// How often the signal has arrived; wraps around.
    package static func count(_ signal: Int32) -> UInt32 { asyncio_signal_count(signal) }
}
