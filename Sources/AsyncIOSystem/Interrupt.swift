internal import CShims

/// Ctrl-C. The first one is counted and wakes the loop; the second ends the
/// process at once, from the signal handler, whatever the program is doing.
package enum Interrupt {
    /// False if somebody else already handles SIGINT.
    package static func install(waking wakeUp: WakeUp) -> Bool {
        asyncio_sigint_install(wakeUp.descriptor)
    }
    package static func restore() { asyncio_sigint_restore() }
    package static var count: Int { Int(asyncio_sigint_count()) }
}
