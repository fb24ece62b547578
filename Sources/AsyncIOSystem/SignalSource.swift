internal import CShims
package import SystemPackage

/// Signals of the operating system. A handler in C counts them and wakes the loops that handle them.
package enum SignalSource {
    /// - Parameter isInsistent: whether the second arrival ends the process at once, from the
    ///   signal handler, whatever the program is doing.
    package static func install(_ signal: Int32, waking wakeUp: WakeUp, isInsistent: Bool = false) throws(Errno) {
        _ = try check(asyncio_signal_install(signal, wakeUp.descriptor, false, isInsistent))
    }

    /// The same as `install`, unless the program already handles or ignores the signal. In that
    /// case, it returns false.
    package static func installIfDefault(_ signal: Int32, waking wakeUp: WakeUp, isInsistent: Bool) -> Bool {
        asyncio_signal_install(signal, wakeUp.descriptor, true, isInsistent) == 0
    }

    /// Takes back the installation for a loop. After the last one, restores the signal's default action.
    package static func uninstall(_ signal: Int32, waking wakeUp: WakeUp) {
        asyncio_signal_uninstall(signal, wakeUp.descriptor)
    }

    /// Whether all loops that handle the signal are insistent.
    package static func isInsistent(_ signal: Int32) -> Bool { asyncio_signal_is_insistent(signal) }

    /// The number of times that the signal has arrived. Wraps around.
    package static func count(_ signal: Int32) -> UInt32 { asyncio_signal_count(signal) }
}
