internal import AsyncIOSystem
internal import SystemPackage

// # From a signal to a callback
//
// 1. The handler in C counts the signal and wakes every loop that handles it (CShims/signals.c).
// 2. In each turn, the loop reads the count of all signals, which is one load. If it has grown, this table
//    compares the counts of the signals that it handles, and puts an entry into the ready queue. This
//    corresponds to asyncio's read from the wake-up pipe.
// 3. That entry queues the handlers, so that they run in the following turn, and passes the signals to the
//    sequences that listen.
//
// Ctrl-C in `run` is the *fallback* of SIGINT: it applies if the program neither handles the signal nor
// listens to it, on any loop. Only then does the second Ctrl-C end the process, in step 1.

/// The handlers, listeners, and fallbacks of signals. This class is used only on the loop's thread.
final class SignalTable: LoopComponent {
    struct Entry {
        /// The number of times that the signal has arrived and been handled.
        var seen: UInt32
        var handler: WatchCallback?
        var listeners: [any SignalListener] = []
        var fallback: (() -> Void)?

        var isEmpty: Bool { handler == nil && listeners.isEmpty && fallback == nil }
        /// Whether the signal has neither a handler nor a listener.
        var isInsistent: Bool { handler == nil && listeners.isEmpty }
    }

    private var entries: [Int32: Entry] = [:]

    required init(on loop: EventLoop) {
        super.init(on: loop)
        loop.onSignal = { [unowned self] in takeSignals() }
    }

    override class var rank: Rank { .signals }

    /// A signal can arrive on another thread.
    override var mayBeContinued: Bool { entries.values.contains { !$0.isInsistent } }

    // MARK: Handlers and listeners

    /// Changes the entry of a signal, and installs or removes the system's handler accordingly.
    ///
    /// - Throws: An error if the system does not allow the signal to be caught. When this method throws, nothing is
    ///   changed.
    func change(
        _ signal: ProcessSignal, _ body: (inout Entry) -> Void
    ) throws(Errno) {
        let old = entries[signal.rawValue]
        var new = old ?? Entry(seen: SignalSource.count(signal.rawValue))
        body(&new)
        if new.isEmpty {
            if old != nil { SignalSource.uninstall(signal.rawValue, waking: loop.poller.wakeUp) }
            entries[signal.rawValue] = nil
            return
        }
        if old == nil || old?.isInsistent != new.isInsistent {
            try SignalSource.install(signal.rawValue, waking: loop.poller.wakeUp, isInsistent: new.isInsistent)
        }
        entries[signal.rawValue] = new
    }

    func entry(_ signal: ProcessSignal) -> Entry? { entries[signal.rawValue] }

    override func loopWillClose() {
        for (number, entry) in entries {
            SignalSource.uninstall(number, waking: loop.poller.wakeUp)
            entry.handler?.isRemoved = true
        }
        entries = [:]
    }

    // MARK: The fallback

    /// Sets the action of a signal that has no handler or listener. A handler outside the loop, or a setting that
    /// ignores the signal, stays in effect.
    func setFallback(for signal: ProcessSignal, _ body: @escaping () -> Void) {
        if entries[signal.rawValue] == nil {
            guard SignalSource.installIfDefault(signal.rawValue, waking: loop.poller.wakeUp, isInsistent: true) else {
                return
            }
            entries[signal.rawValue] = Entry(seen: SignalSource.count(signal.rawValue))
        }
        entries[signal.rawValue]?.fallback = body
    }

    func removeFallback(for signal: ProcessSignal) {
        guard var entry = entries[signal.rawValue] else { return }
        entry.fallback = nil
        if entry.isEmpty { SignalSource.uninstall(signal.rawValue, waking: loop.poller.wakeUp) }
        entries[signal.rawValue] = entry.isEmpty ? nil : entry
    }

    /// Returns whether the signal has arrived, belongs to the fallback, and has not been processed yet.
    func fallbackHasNews(for signal: ProcessSignal) -> Bool {
        guard let entry = entries[signal.rawValue], entry.fallback != nil, entry.isInsistent else { return false }
        return SignalSource.isInsistent(signal.rawValue) && SignalSource.count(signal.rawValue) != entry.seen
    }

    // MARK: Arrivals

    /// Returns the signals that have arrived since the last call, ordered by number, with their counts.
    private func takeArrivals() -> [(signal: ProcessSignal, count: UInt32, entry: Entry)] {
        var arrived: [(signal: ProcessSignal, count: UInt32, entry: Entry)] = []
        for (number, entry) in entries {
            let count = SignalSource.count(number)
            guard count != entry.seen else { continue }
            entries[number]?.seen = count
            arrived.append((ProcessSignal(rawValue: number), count &- entry.seen, entry))
        }
        return arrived.sorted { $0.signal.rawValue < $1.signal.rawValue }
    }

    /// Delivers the signals that have arrived.
    private func takeSignals() {
        for (signal, count, entry) in takeArrivals() {
            if entry.isInsistent {
                if SignalSource.isInsistent(signal.rawValue) { entry.fallback?() }
            } else {
                loop.enqueue { [self] in deliver(signal, count: count) }
            }
        }
    }

    /// Notifies the current handlers and listeners of the signal.
    private func deliver(_ signal: ProcessSignal, count: UInt32) {
        guard let entry = entry(signal) else { return }
        if let handler = entry.handler {
            for _ in 0..<count { loop.queue(handler) }
        }
        for listener in entry.listeners { listener.receive(signal) }
    }
}

extension EventLoop {
    var signals: SignalTable { component() }
}

/// An object that waits for signals; see ``SignalSequence``.
protocol SignalListener: AnyObject {
    func receive(_ signal: ProcessSignal)
}
