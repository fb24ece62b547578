internal import AsyncIOSystem
internal import CShims
internal import SystemPackage

// # From a signal to a callback
//
// 1. The handler in C counts the signal and wakes the loop (CShims/signals.c).
// 2. In each turn, the loop reads the count of all signals, which is one load. If it has grown, the loop
//    compares the counts of the signals that it handles, and puts an entry into the ready queue. This
//    corresponds to asyncio's read from the wake-up pipe.
// 3. That entry queues the handlers, so that they run in the following turn, and passes the signals to the
//    sequences that listen.
//
// Ctrl-C in `run` is the *fallback* of SIGINT: it applies if the program neither handles the signal nor
// listens to it. Only then does the second Ctrl-C end the process, in step 1.

/// The handlers, listeners and fallbacks of signals. Loop thread only.
struct SignalTable {
    struct Entry {
        /// The count up to which the signal has been handled.
        var seen: UInt32
        var handler: WatchCallback?
        var listeners: [any SignalListener] = []
        var fallback: (() -> Void)?

        var isEmpty: Bool { handler == nil && listeners.isEmpty && fallback == nil }
        /// Whether there is only a fallback.
        var isInsistent: Bool { handler == nil && listeners.isEmpty }
    }

    private var entries: [Int32: Entry] = [:]
    /// The count of all signals when it was last read.
    fileprivate var arrivalsSeen: UInt32 = 0

    // MARK: Handlers and listeners

    /// Changes the entry of a signal, and installs or removes the system's handler accordingly.
    ///
    /// - Throws: An error if the system does not allow the signal to be caught; then nothing is changed.
    mutating func change(
        _ signal: ProcessSignal, waking wakeUp: WakeUp, _ body: (inout Entry) -> Void
    ) throws(Errno) {
        let old = entries[signal.rawValue]
        var new = old ?? Entry(seen: SignalSource.count(signal.rawValue))
        body(&new)
        if new.isEmpty {
            if old != nil { SignalSource.uninstall(signal.rawValue) }
            entries[signal.rawValue] = nil
            return
        }
        if old == nil || old?.isInsistent != new.isInsistent {
            try SignalSource.install(signal.rawValue, waking: wakeUp, isInsistent: new.isInsistent)
        }
        entries[signal.rawValue] = new
    }

    func entry(_ signal: ProcessSignal) -> Entry? { entries[signal.rawValue] }

    /// Removes everything, when the loop is closed.
    mutating func removeAll() {
        for (number, entry) in entries {
            SignalSource.uninstall(number)
            entry.handler?.isRemoved = true
        }
        entries = [:]
    }

    // MARK: The fallback

    /// Sets what a signal does if nothing else handles it. A handler outside the loop, or a setting that
    /// ignores the signal, stays in effect.
    mutating func setFallback(for signal: ProcessSignal, waking wakeUp: WakeUp, _ body: @escaping () -> Void) {
        if entries[signal.rawValue] == nil {
            guard SignalSource.installIfDefault(signal.rawValue, waking: wakeUp, isInsistent: true) else { return }
            entries[signal.rawValue] = Entry(seen: SignalSource.count(signal.rawValue))
        }
        entries[signal.rawValue]?.fallback = body
    }

    mutating func removeFallback(for signal: ProcessSignal) {
        guard var entry = entries[signal.rawValue] else { return }
        entry.fallback = nil
        if entry.isEmpty { SignalSource.uninstall(signal.rawValue) }
        entries[signal.rawValue] = entry.isEmpty ? nil : entry
    }

    /// Whether the signal has arrived, belongs to the fallback, and has not been noticed.
    func fallbackHasNews(for signal: ProcessSignal) -> Bool {
        guard let entry = entries[signal.rawValue], entry.fallback != nil, entry.isInsistent else { return false }
        return SignalSource.count(signal.rawValue) != entry.seen
    }

    // MARK: Arrivals

    /// Returns the signals that have arrived since the last call, by number, with their counts.
    fileprivate mutating func takeArrivals() -> [(signal: ProcessSignal, count: UInt32, entry: Entry)] {
        var arrived: [(signal: ProcessSignal, count: UInt32, entry: Entry)] = []
        for (number, entry) in entries {
            let count = SignalSource.count(number)
            guard count != entry.seen else { continue }
            entries[number]?.seen = count
            arrived.append((ProcessSignal(rawValue: number), count &- entry.seen, entry))
        }
        return arrived.sorted { $0.signal.rawValue < $1.signal.rawValue }
    }
}

extension EventLoop {
    /// Called once in each turn; costs one load if no signal has arrived.
    @inline(__always)
    func noticeSignals() {
        let arrivals = asyncio_signal_arrivals()
        if arrivals != signals.arrivalsSeen { takeSignals(arrivals) }
    }

    @inline(never)
    private func takeSignals(_ arrivals: UInt32) {
        signals.arrivalsSeen = arrivals
        for (signal, count, entry) in signals.takeArrivals() {
            if entry.isInsistent {
                entry.fallback?()
            } else {
                let handle = Handle(.callback { [self] in deliver(signal, count: count) })
                ready.append(.handle(handle))
            }
        }
    }

    /// Notifies the current handlers and listeners of the signal.
    private func deliver(_ signal: ProcessSignal, count: UInt32) {
        guard let entry = signals.entry(signal) else { return }
        if let handler = entry.handler {
            for _ in 0..<count { queue(handler) }
        }
        for listener in entry.listeners { listener.receive(signal) }
    }
}

/// An object that waits for signals; see ``SignalSequence``.
protocol SignalListener: AnyObject {
    func receive(_ signal: ProcessSignal)
}
