internal import CShims

// # Objects and their loops
//
// A future, a lock, or a stream belongs to one loop, and the compiler does not let two loops share it. Code that
// bypasses the compiler's checks can corrupt the memory of both loops. In debug mode, the library detects such errors
// where the check costs little. A future stores the loop on which a task waits for it, and stops the program if it is
// completed on another loop. asyncio makes the same check when a task waits.

enum Ownership {
    /// Whether a loop of the process runs in debug mode.
    @inline(__always)
    static var isChecked: Bool {
        get { asyncio_checks_ownership() }
        set { if newValue { asyncio_set_checks_ownership() } }
    }

    /// Returns the mark that the objects of a loop carry. The mark is not zero, and only a few loops share the same
    /// mark.
    static func mark(of loop: EventLoop) -> UInt8 { UInt8(loop.index % 255) + 1 }

    /// Marks an object as belonging to `loop`, or stops the program if the object belongs to a loop on another thread.
    /// Nested loops share their objects.
    @inline(never)
    static func check(_ mark: inout UInt8, on loop: EventLoop, _ object: @autoclosure () -> String) {
        let own = Self.mark(of: loop)
        if mark == own { return }
        defer { mark = own }
        if mark == 0 { return }
        let owners = LoopRegistry.all.filter { Self.mark(of: $0) == mark }
        guard let owner = owners.first, !owners.contains(where: { $0.thread == loop.thread }) else { return }
        stop(object(), of: owner, usedOn: loop)
    }

    static func stop(_ object: String, of loop: EventLoop, usedOn other: EventLoop) -> Never {
        fatalError(
            """
            \(object) belongs to loop "\(loop.name)" and was used on loop "\(other.name)"; pass values between \
            loops with actor calls, EventLoopThread.run { }, or a Mailbox
            """)
    }
}
