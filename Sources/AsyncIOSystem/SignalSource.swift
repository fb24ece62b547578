internal import CShims
package import SystemPackage

/// Signals of the operating system. A handler in C counts them and wakes the loops that handle them.
package enum SignalSource {
    /// - Parameter isInsistent: Whether the signal handler ends the process immediately when the signal arrives for the
    ///   second time, regardless of what the program is doing.
    package static func install(_ signal: Int32, waking wakeUp: WakeUp, isInsistent: Bool = false) throws(Errno) {
        _ = try check(asyncio_signal_install(signal, wakeUp.descriptor, false, isInsistent))
    }

    /// Installs a handler like `install`, unless the program already handles or ignores the signal. In that case, the
    /// method returns false.
    package static func installIfDefault(_ signal: Int32, waking wakeUp: WakeUp, isInsistent: Bool) -> Bool {
        asyncio_signal_install(signal, wakeUp.descriptor, true, isInsistent) == 0
    }

    /// Removes the installation for a loop. When the last installation is removed, the signal's default action is
    /// restored.
    package static func uninstall(_ signal: Int32, waking wakeUp: WakeUp) {
        asyncio_signal_uninstall(signal, wakeUp.descriptor)
    }

    /// Whether all loops that handle the signal are insistent.
    package static func isInsistent(_ signal: Int32) -> Bool { asyncio_signal_is_insistent(signal) }

    /// The number of times that the signal has arrived. This number wraps around.
    package static func count(_ signal: Int32) -> UInt32 { asyncio_signal_count(signal) }
}
