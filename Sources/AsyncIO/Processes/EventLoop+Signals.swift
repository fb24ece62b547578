internal import AsyncIOSystem
internal import SystemPackage

extension EventLoop {
    /// Calls `callback` each time `signal` arrives; replaces the callback that it had.
    ///
    /// The callback is an ordinary one of the loop's: it may do whatever they may, and runs in
    /// the turn after the one that notices the signal. Signals that are noticed in the same
    /// turn are told by number. A handler for ``Signal/interrupt`` takes the place of what
    /// Ctrl-C does in `run { }`.
    ///
    /// - Throws: ``ValueError`` if there is no such signal; ``RuntimeError`` if it cannot be
    ///   caught, if this is not the process's first thread, or if the loop is closed.
    ///
    /// asyncio: `loop.add_signal_handler`.
    public func addSignalHandler(_ signal: Signal, _ callback: @escaping () throws -> Void) throws {
        try change(signal, "addSignalHandler") { entry in
            entry.handler?.isRemoved = true
            entry.handler = WatchCallback(attributed(callback))
        }
    }

    /// Takes a signal's callback away; the signal then does what it does by default, and
    /// ``Signal/interrupt`` what it does in `run { }`.
    ///
    /// - Returns: whether there was a callback.
    /// - Throws: as ``addSignalHandler(_:_:)``.
    ///
    /// asyncio: `loop.remove_signal_handler`.
    @discardableResult
    public func removeSignalHandler(_ signal: Signal) throws -> Bool {
        try check(signal)
        assertUsable("removeSignalHandler")
        guard let handler = signals.entry(signal)?.handler else { return false }
        handler.isRemoved = true
        try change(signal, "removeSignalHandler") { $0.handler = nil }
        return true
    }

    /// Lets `listener` know of the signals, beside their handlers and other listeners; it is
    /// held until ``removeListener(_:for:)``.
    func addListener(_ listener: any SignalListener, for kinds: [Signal]) throws {
        var added: [Signal] = []
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

    func removeListener(_ listener: any SignalListener, for kinds: [Signal]) {
        for signal in kinds where signals.entry(signal) != nil {
            try? signals.change(signal, waking: poller.wakeUp) { entry in
                entry.listeners.removeAll { $0 === listener }
            }
        }
    }

    private func check(_ signal: Signal) throws(ValueError) {
        guard !signal.isValid else { return }
        throw ValueError("there is no signal \(signal.rawValue); they are 1 to 31 and 34 to 64")
    }

    private func change(
        _ signal: Signal, _ operation: StaticString, _ body: (inout SignalTable.Entry) -> Void
    ) throws {
        try check(signal)
        try checkOpen(operation)
        guard Thread.isMain else {
            throw RuntimeError("\(operation)(): signals are handled on the process's first thread only")
        }
        do {
            try signals.change(signal, waking: poller.wakeUp, body)
        } catch Errno.invalidArgument {
            throw RuntimeError("\(signal) cannot be caught")
        } catch {
            throw OSError(error, "handling \(signal)")
        }
    }
}
