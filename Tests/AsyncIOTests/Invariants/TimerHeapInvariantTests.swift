import Testing

@testable import AsyncIO

@Suite struct TimerHeapInvariantTests {
    @Test(arguments: 0..<6 as Range<UInt64>, [0, .max - 100] as [UInt32])
    func timersFireByDeadlineAndAgeWhateverIsCancelled(seed: UInt64, lastSequence: UInt32) throws {
        try withVirtualTimeLoop { loop in
            loop.timers = TimerHeap(lastSequence: lastSequence)
            try loop.whileCurrent {
                var test = Driver(loop: loop, seed: seed)
                for number in 0..<1_200 {
                    try test.step(phase: number / 200)
                    try test.check()
                }
                loop.timers.removeAll()
                test.forgetAll()
                try test.check()
            }
        }
    }

    /// Performs the same operations on the loop's heap and on an array.
    private struct Driver {
        let loop: EventLoop
        var numbers: SplitMix
        var now: Int64 = 0
        /// The timers that will fire, oldest first.
        var timers: [Timer] = []
        /// Timers that the heap must have released.
        var gone: [Reference] = []
        /// Timers that the heap can retain until it removes cancelled timers.
        var cancelled: [Reference] = []
        var hasJustCancelled = false

        enum Timer {
            case handle(TimerHandle, Int64)
            case sleep(SleepFuture, Int64)

            var object: AnyObject {
                switch self {
                case .handle(let handle, _): handle
                case .sleep(let sleep, _): sleep
                }
            }
            var deadline: Int64 {
                switch self {
                case .handle(_, let deadline), .sleep(_, let deadline): deadline
                }
            }
            var sequence: UInt32 {
                switch self {
                case .handle(let handle, _): handle.sequence
                case .sleep(let sleep, _): sleep.sequence
                }
            }
        }

        init(loop: EventLoop, seed: UInt64) {
            self.loop = loop
            numbers = SplitMix(seed: seed)
        }

        mutating func step(phase: Int) throws {
            hasJustCancelled = false
            // Insertions, cancellations, and firings prevail in turn.
            let weights = [(80, 90), (10, 95), (20, 35)][phase % 3]
            switch Int.random(in: 0..<100, using: &numbers) {
            case ..<weights.0: insert()
            case ..<weights.1: cancel()
            default: try fire()
            }
        }

        private mutating func insert() {
            // Few deadlines, so that many are equal; some have passed.
            let deadline = now + 10 * Int64.random(in: -1..<80, using: &numbers)
            if Bool.random(using: &numbers) {
                timers.append(.handle(loop.schedule(.none, at: deadline), deadline))
            } else {
                timers.append(.sleep(SleepFuture(on: loop, until: deadline), deadline))
            }
        }

        private mutating func cancel() {
            guard let timer = timers.takeRandom(&numbers) else { return }
            switch timer {
            case .handle(let handle, _):
                handle.cancel()
                // Only the first time counts.
                if numbers.isOne(in: 4) { handle.cancel() }
            case .sleep(let sleep, _):
                #expect(sleep.cancel())
                #expect(!sleep.cancel())
            }
            cancelled.append(Reference(timer.object))
            hasJustCancelled = true
        }

        private mutating func fire() throws {
            now += Int64.random(in: 0..<25, using: &numbers)
            #expect(loop.timers.first == timers.map(\.deadline).min())
            while true {
                var fired: AnyObject?
                let isDue = loop.timers.popFirst(dueAt: now) {
                    switch $0 {
                    case .handle(let handle): fired = handle.object
                    case .sleep(let sleep): fired = sleep.object
                    }
                }
                let next = timers.indices.filter { timers[$0].deadline <= now }
                    .min { timers[$0].deadline < timers[$1].deadline }
                #expect(isDue == (next != nil))
                guard let next else { return }
                let expected = timers.remove(at: next)
                try #require(fired === expected.object)
                #expect(expected.sequence == 0)
                gone.append(Reference(expected.object))
            }
        }

        mutating func forgetAll() {
            for timer in timers {
                #expect(timer.sequence == 0)
                gone.append(Reference(timer.object))
            }
            gone += cancelled
            (timers, cancelled) = ([], [])
        }

        mutating func check() throws {
            loop.timers.checkInvariants()
            #expect(loop.timers.count == timers.count)
            #expect(loop.timers.isEmpty == timers.isEmpty)
            try #require(gone.allSatisfy { $0.object == nil }, "a timer that has fired is released")
            gone = []
            cancelled.removeAll { $0.object == nil }
            if hasJustCancelled {
                try #require(cancelled.count <= max(64, timers.count), "cancelled timers do not accumulate")
            }
            let sleep = timers.randomElement(using: &numbers)
            if case .sleep(let sleep, let deadline)? = sleep { #expect(loop.timers.deadline(of: sleep) == deadline) }
        }
    }
}
