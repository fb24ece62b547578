internal import AsyncIOSystem
internal import SystemPackage

extension EventLoop {
    /// Calls `callback` each time `signal` arrives. The callback replaces the signal's previous callback.
    ///
    /// The callback is an ordinary callback of the loop. It runs in the turn after the loop detects the signal. If
    /// several signals are detected in the same turn, their callbacks run in the order of the signals' numbers. A
    /// callback for ``ProcessSignal/interrupt`` replaces the effect of Ctrl-C in `run { }`.
    ///
    /// - Throws: ``ValueError`` if the signal does not exist; ``RuntimeError`` if the signal cannot be caught, the
    ///   calling thread is not the process's first thread, or the loop is closed; ``OSError`` if the system refuses the
    ///   handler.
    ///
    /// asyncio: `loop.add_signal_handler`.
    public func addSignalHandler(_ signal: ProcessSignal, _ callback: @escaping () throws -> Void) throws {
        try change(signal, "addSignalHandler") { entry in
            entry.handler?.isRemoved = true
            entry.handler = WatchCallback(attributed(callback))
        }
    }

    /// Removes the callback for a signal, and restores the signal's default action. The default action of
    /// ``ProcessSignal/interrupt`` is the effect of Ctrl-C in `run { }`.
    ///
    /// - Returns: Whether the signal had a callback.
    /// - Throws: The same errors as ``addSignalHandler(_:_:)``.
    ///
    /// asyncio: `loop.remove_signal_handler`.
    @discardableResult
    public func removeSignalHandler(_ signal: ProcessSignal) throws -> Bool {
        try check(signal)
        assertUsable("removeSignalHandler")
        guard let handler = signals.entry(signal)?.handler else { return false }
        handler.isRemoved = true
        try change(signal, "removeSignalHandler") { $0.handler = nil }
        return true
    }

    /// Adds `listener` for the signals, in addition to their handlers and other listeners. The loop retains the
    /// listener until ``removeListener(_:for:)`` is called.
    func addListener(_ listener: any SignalListener, for kinds: [ProcessSignal]) throws {
        var added: [ProcessSignal] = []
        do {
            for signal in kinds {
                try change(signal, "signals") { $0.listeners.append(listener) }
                added.append(signal)
            }
        } catch {
            removeListener(listener, for: added)
            throw error
        }
    }

    func removeListener(_ listener: any SignalListener, for kinds: [ProcessSignal]) {
        for signal in kinds where signals.entry(signal) != nil {
            try? signals.change(signal) { entry in
                entry.listeners.removeAll { $0 === listener }
            }
        }
    }

    private func check(_ signal: ProcessSignal) throws(ValueError) {
        guard !signal.isValid else { return }
        throw ValueError("signal must be in 1...31 or 34...64, got \(signal.rawValue)")
    }

    private func change(
        _ signal: ProcessSignal, _ operation: StaticString, _ body: (inout SignalTable.Entry) -> Void
    ) throws {
        try check(signal)
        try checkOpen(operation)
        guard Thread.isMain || home != nil else {
            throw RuntimeError(
                "\(operation)(): signals can be handled only on the process's first thread and on an EventLoopThread")
        }
        do {
            try signals.change(signal, body)
        } catch Errno.invalidArgument {
            throw RuntimeError("\(signal) cannot be caught")
        } catch {
            throw OSError(error, "handling \(signal)")
        }
    }
}
