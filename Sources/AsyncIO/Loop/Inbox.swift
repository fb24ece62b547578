internal import AsyncIOSystem
internal import Synchronization

// # The inbox
//
// Any number of threads can post items for a loop, and a sender must not wait for another sender or for the loop.
// Therefore, the inbox is a single word: the address of the latest item, with the state of the loop in its low bits.
// Each item contains the previous value of the word.
//
//     post      item.next = word; replace the word with the item's, unless another sender was faster
//     take      replace the word with an empty one; reverse the list; process a part of it
//
// A sender's items keep their order, because each item is linked to the previous item. It does not matter if the word
// changes and changes back in the meantime (the ABA problem), because a sender needs only an equal word. Only the loop
// takes items, and it always takes all of them.
//
// The same word also contains the state of the loop, so that the items and the state always agree:
//
//     idle      the loop is not running: callbacks wait for its next run, jobs are refused
//     running   the loop will check the inbox before it sleeps
//     asleep    the loop waits for the poller, or is about to; the first sender after that
//               changes the state to `running` and wakes the loop
//     closed    all items are refused
//
// In one atomic step, the loop checks that the word is `running` and empty, and goes to sleep. If an item is posted
// before this step, the loop finds the item. If an item is posted after this step, the sender finds the loop asleep.
//
// Posting an item requires no allocation. A job stores the link in the word for its executor, and a handle, which the
// sender gets anyway, has a property for the link.
//
// A thread that delivers a job knows only which inbox belonged to the running loop a moment ago. In the meantime, the
// loop may have been released. Therefore, an inbox is never freed, but is reused for another loop. If that loop is
// running, it runs the job. Otherwise, the job is refused, and the sender tries again.

/// The items that other threads pass to a loop. Other threads access no other part of the loop.
//
// SAFETY: `head` can be used on any thread; `rest` belongs to the loop's thread.
final class Inbox: @unchecked Sendable {
    enum Item {
        case job(UnownedJob)
        /// A job to run when the loop's clock reaches a certain time.
        case timer(ForeignTimer)
        case handle(ThreadSafeHandle)

        /// A callback that is never cancelled.
        static func callback(_ body: @escaping @Sendable () -> Void) -> Item { .handle(ThreadSafeHandle(body)) }
    }

    /// The outcome of posting an item.
    enum Posting {
        case accepted
        /// The inbox has accepted the item, and the sender must wake the loop.
        case mustWake
        case refused
    }

    fileprivate enum State: UInt {
        case idle = 0
        case running = 1
        case asleep = 2
        case closed = 3

        static let mask: UInt = 3
        init(of word: UInt) {
            switch word & Self.mask {
            case Self.idle.rawValue: self = .idle
            case Self.running.rawValue: self = .running
            case Self.asleep.rawValue: self = .asleep
            default: self = .closed
            }
        }
    }

    private let head = Atomic(State.idle.rawValue)
    /// The items that were taken and have not been processed yet, oldest first.
    @safe @exclusivity(unchecked) private var rest: UInt = 0

    private init() {}

    // MARK: Any thread

    func post(_ item: Item) -> Posting {
        let link = item.link()
        var word = head.load(ordering: .relaxed)
        while true {
            let state = State(of: word)
            guard state != .closed, state != .idle || !item.needsARunningLoop else {
                _ = unsafe Item(taking: link)
                return .refused
            }
            unsafe Item.setNext(of: link, word & ~State.mask)
            let result = head.weakCompareExchange(
                expected: word, desired: link | (state == .asleep ? .running : state).rawValue,
                successOrdering: .acquiringAndReleasing, failureOrdering: .relaxed)
            if result.exchanged { return state == .asleep ? .mustWake : .accepted }
            word = result.original
        }
    }

    // MARK: The loop's thread

    @inline(__always)
    var hasNews: Bool { rest != 0 || head.load(ordering: .relaxed) > State.mask }

    /// Processes the items, the oldest first, up to a maximum number. Call this method only while the loop is running.
    ///
    /// Items that arrive during the call wait for the next call. If senders are faster than the loop, items beyond the
    /// maximum also wait. Without a maximum, each turn would have more work than the previous turn, and timers and
    /// descriptors would wait longer and longer.
    func take(atMost most: Int = 1_024, _ body: (Item) -> Void) {
        // SAFETY: only the caller that took the list has access to it.
        if rest == 0 { rest = unsafe Self.turned(head.exchange(State.running.rawValue, ordering: .acquiring)) }
        var count = 0
        while rest != 0, count < most {
            let link = rest
            rest = unsafe Item.next(of: link)
            body(unsafe Item(taking: link))
            count += 1
        }
    }

    /// Marks the loop as asleep. Returns false if the inbox contains an item, because the loop must not sleep in that
    /// case.
    func beginSleep() -> Bool { rest == 0 && exchange(.running, .asleep) }

    /// Marks the loop as running again. Does nothing if a sender has already ended the sleep.
    func endSleep() { exchange(.asleep, .running) }

    @discardableResult
    private func exchange(_ state: State, _ next: State) -> Bool {
        head.compareExchange(
            expected: state.rawValue, desired: next.rawValue, ordering: .acquiringAndReleasing
        ).exchanged
    }

    /// Starts to accept jobs. Items that are in the inbox stay there.
    func beginRunning() { change(to: .running) }
    func endRunning() { change(to: .idle) }

    private func change(to state: State) {
        var word = head.load(ordering: .relaxed)
        while true {
            let result = head.weakCompareExchange(
                expected: word, desired: word & ~State.mask | state.rawValue, ordering: .acquiringAndReleasing)
            if result.exchanged { return }
            word = result.original
        }
    }

    /// Stops accepting items, and returns the items that were not taken.
    func close() -> [Item] {
        var items: [Item] = []
        for list in [rest, unsafe Self.turned(head.exchange(State.closed.rawValue, ordering: .acquiringAndReleasing))] {
            var link = list
            while link != 0 {
                let next = unsafe Item.next(of: link)
                items.append(unsafe Item(taking: link))
                link = next
            }
        }
        rest = 0
        return items
    }

    /// Returns the list in reverse order, with the oldest item first.
    @unsafe private static func turned(_ word: UInt) -> UInt {
        var (link, turned) = (word & ~State.mask, UInt(0))
        while link != 0 {
            let next = unsafe Item.next(of: link)
            unsafe Item.setNext(of: link, turned)
            (turned, link) = (link, next)
        }
        return turned
    }

    // MARK: Never freed

    private static let unused = Guarded<[Inbox]>([])

    /// Returns an inbox for a loop. The loop gives the inbox back with ``retire()``.
    static func make() -> Inbox {
        let inbox = unused.withLock { $0.popLast() } ?? Inbox()
        inbox.change(to: .idle)
        return inbox
    }

    /// Makes the inbox available to other loops. Call this method when the loop has been closed and released.
    func retire() { Self.unused.withLock { $0.append(self) } }

    /// The address of the inbox, for ``withInbox(at:_:)``.
    // SAFETY: the address is used only for comparisons and by the function below.
    var address: UInt { unsafe UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque()) }

    /// Calls `body` with an inbox.
    ///
    /// - Parameter address: The address of an inbox, which may belong to another loop by now.
    @inline(__always)
    static func withInbox<T>(at address: UInt, _ body: (Inbox) -> T) -> T? {
        guard let pointer = unsafe UnsafeRawPointer(bitPattern: address) else { return nil }
        // SAFETY: inboxes are never freed.
        return unsafe Unmanaged<Inbox>.fromOpaque(pointer)._withUnsafeGuaranteedRef(body)
    }
}

// MARK: Items as words

// A *link* is the address of a job or an object, which is a multiple of 16. The two bits above the bits of the state
// indicate the kind of item. A link retains its object.
//
// SAFETY, for all unsafe code here: a link is used between `link()` and `init(taking:)`, by one thread at a
// time.
extension Inbox.Item {
    private static let timerBit: UInt = 4
    private static let handleBit: UInt = 8

    fileprivate var needsARunningLoop: Bool {
        if case .handle = self { false } else { true }
    }

    @inline(__always)
    fileprivate func link() -> UInt {
        switch self {
        case .job(let job): unsafe unsafeBitCast(job, to: UInt.self)
        case .timer(let timer): unsafe UInt(bitPattern: Unmanaged.passRetained(timer).toOpaque()) | Self.timerBit
        case .handle(let handle): unsafe UInt(bitPattern: Unmanaged.passRetained(handle).toOpaque()) | Self.handleBit
        }
    }

    @unsafe @inline(__always)
    fileprivate init(taking link: UInt) {
        if let handle = unsafe Self.handle(link) {
            self = unsafe .handle(handle.takeRetainedValue())
        } else if let timer = unsafe Self.timer(link) {
            self = unsafe .timer(timer.takeRetainedValue())
        } else {
            self = unsafe .job(Self.job(link))
        }
    }

    @unsafe @inline(__always)
    fileprivate static func next(of link: UInt) -> UInt {
        if let handle = unsafe handle(link) { return unsafe handle._withUnsafeGuaranteedRef { $0.next } }
        if let timer = unsafe timer(link) { return unsafe timer._withUnsafeGuaranteedRef { $0.next } }
        return unsafe job(link).executorWord.pointee
    }

    @unsafe @inline(__always)
    fileprivate static func setNext(of link: UInt, _ next: UInt) {
        if let handle = unsafe handle(link) {
            unsafe handle._withUnsafeGuaranteedRef { $0.next = next }
        } else if let timer = unsafe timer(link) {
            unsafe timer._withUnsafeGuaranteedRef { $0.next = next }
        } else {
            unsafe job(link).executorWord.pointee = next
        }
    }

    @unsafe @inline(__always)
    private static func handle(_ link: UInt) -> Unmanaged<ThreadSafeHandle>? {
        link & handleBit == 0 ? nil : unsafe Unmanaged.fromOpaque(address(link))
    }

    @unsafe @inline(__always)
    private static func timer(_ link: UInt) -> Unmanaged<ForeignTimer>? {
        link & timerBit == 0 ? nil : unsafe Unmanaged.fromOpaque(address(link))
    }

    @unsafe @inline(__always)
    private static func job(_ link: UInt) -> UnownedJob { unsafe unsafeBitCast(address(link), to: UnownedJob.self) }

    @unsafe @inline(__always)
    private static func address(_ link: UInt) -> UnsafeRawPointer {
        unsafe UnsafeRawPointer(bitPattern: link & ~15).unsafelyUnwrapped
    }
}

/// A sleep that began on another thread.
//
// SAFETY: `next` belongs to the inbox. The posting thread writes it before other threads can access the item.
// Afterward, only the thread that took the list writes it.
final class ForeignTimer: @unchecked Sendable {
    let job: UnownedJob
    let target: SleepTarget
    @safe @exclusivity(unchecked) fileprivate(set) final var next: UInt = 0

    init(_ job: UnownedJob, _ target: SleepTarget) { (self.job, self.target) = (job, target) }
}
