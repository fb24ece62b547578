internal import AsyncIOSystem
internal import CShims
internal import SystemPackage

// # From a signal to a callback
//
// 1. The handler in C counts the signal and wakes the loop (CShims/signals.c).
// 2. In each turn the loop looks at the count of all signals: one load. If it has grown, it
//    compares the counts of those that it handles, and puts one entry into the ready queue:
//    asyncio's wake-up pipe being read.
// 3. That entry queues the handlers, so that they run in the turn after it, and gives the
//    signals to the sequences that listen.
//
// Ctrl-C in `run` is the *fallback* of SIGINT: what happens if the program neither handles
// it nor listens to it. Only then does the second one end the process, in step 1.

/// Who is to know of which signal. Loop thread only.
struct SignalTable {
    struct Entry {
        /// The count that was dealt with.
        var seen: UInt32
        var handler: WatchCallback?
        var listeners: [any SignalListener] = []
        var fallback: (() -> Void)?

        var isEmpty: Bool { handler == nil && listeners.isEmpty && fallback == nil }
        /// Nobody but the fallback is there.
        var isInsistent: Bool { handler == nil && listeners.isEmpty }
    }

    private var entries: [Int32: Entry] = [:]
    /// The count of all signals at the latest look.
    fileprivate var arrivalsSeen: UInt32 = 0

    // MARK: Handlers and listeners

    /// Changes what a signal has, and installs or removes the system's handler accordingly.
    ///
    /// - Throws: if the system does not let the signal be caught; then nothing is changed.
    mutating func change(
        _ signal: Signal, waking wakeUp: WakeUp, _ body: (inout Entry) -> Void
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

    func entry(_ signal: Signal) -> Entry? { entries[signal.rawValue] }

    /// Forgets all, when the loop is closed.
    mutating func removeAll() {
        for (number, entry) in entries {
            SignalSource.uninstall(number)
            entry.handler?.isRemoved = true
        }
        entries = [:]
    }

    // MARK: The fallback

    /// What a signal does if nobody else handles it. Whoever handled or ignored it outside of
    /// the loop goes on to do so.
    mutating func setFallback(for signal: Signal, waking wakeUp: WakeUp, _ body: @escaping () -> Void) {
        if entries[signal.rawValue] == nil {
            guard SignalSource.installIfDefault(signal.rawValue, waking: wakeUp, isInsistent: true) else { return }
            entries[signal.rawValue] = Entry(seen: SignalSource.count(signal.rawValue))
        }
        entries[signal.rawValue]?.fallback = body
    }

    mutating func removeFallback(for signal: Signal) {
        guard var entry = entries[signal.rawValue] else { return }
        entry.fallback = nil
        if entry.isEmpty { SignalSource.uninstall(signal.rawValue) }
        entries[signal.rawValue] = entry.isEmpty ? nil : entry
    }

    /// Whether the signal has come, and is the fallback's, and has not been noticed.
    func fallbackHasNews(for signal: Signal) -> Bool {
        guard let entry = entries[signal.rawValue], entry.fallback != nil, entry.isInsistent else { return false }
        return SignalSource.count(signal.rawValue) != entry.seen
    }

    // MARK: Arrivals

    /// The signals that came since the last look, by number, each as often as it came.
    fileprivate mutating func takeArrivals() -> [(signal: Signal, count: UInt32, entry: Entry)] {
        var arrived: [(signal: Signal, count: UInt32, entry: Entry)] = []
        for (number, entry) in entries {
            let count = SignalSource.count(number)
            guard count != entry.seen else { continue }
            entries[number]?.seen = count
            arrived.append((Signal(rawValue: number), count &- entry.seen, entry))
        }
        return arrived.sorted { $0.signal.rawValue < $1.signal.rawValue }
    }
}

extension EventLoop {
    /// Once in each turn: one load, if no signal has come.
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

    /// Tells those who handle the signal now.
    private func deliver(_ signal: Signal, count: UInt32) {
        guard let entry = signals.entry(signal) else { return }
        if let handler = entry.handler {
            for _ in 0..<count { queue(handler) }
        }
        for listener in entry.listeners { listener.receive(signal) }
    }
}

/// Who waits for signals; see ``SignalSequence``.
protocol SignalListener: AnyObject {
    func receive(_ signal: Signal)
}
