import AsyncIOTesting
import Dispatch
import Testing

@testable import AsyncIO

struct LoopComponentTests {
    private nonisolated final class Record: @unchecked Sendable {
        // SAFETY: used on one thread.
        var events: [String] = []
    }

    // SAFETY: one test uses it.
    private nonisolated(unsafe) static var record = Record()

    private nonisolated class Recording: LoopComponent {
        override func runWillBegin() { unsafe LoopComponentTests.record.events.append("begin \(type(of: self))") }
        override func runDidEnd() { unsafe LoopComponentTests.record.events.append("end \(type(of: self))") }
        override func loopWillClose() { unsafe LoopComponentTests.record.events.append("close \(type(of: self))") }
    }

    private nonisolated final class First: Recording {
        override class var rank: Rank { .metrics }
    }
    private nonisolated final class Second: Recording {
        override class var rank: Rank { .children }
    }
    private nonisolated final class Third: Recording {
        override class var rank: Rank { .files }
    }

    @Test
    func componentsCloseByRankWhateverWasUsedFirst() throws {
        try withVirtualLoop { virtual in
            unsafe Self.record = Record()
            let loop = virtual.loop
            _ = loop.component(Third.self)
            _ = loop.component(First.self)
            _ = loop.component(Second.self)
            #expect(loop.component(First.self) === loop.component(First.self))
            virtual.createTask {}
            _ = try virtual.run()
            try virtual.close()
            let record = unsafe Self.record
            #expect(
                record.events == [
                    "begin First", "begin Second", "begin Third", "end First", "end Second", "end Third",
                    "close First", "close Second", "close Third",
                ])
        }
    }

    @Test
    func theLibrarysComponentsCloseInTheDocumentedOrder() {
        let ranks: [LoopComponent.Type] = [SignalTable.self, Children.self, LoopFiles.self]
        #expect(ranks.map { $0.rank.rawValue } == ranks.map { $0.rank.rawValue }.sorted())
        #expect(LoopComponent.Rank.metrics.rawValue < SignalTable.rank.rawValue)
    }

    @Test
    func aLoopDoesNotInheritWhatWasSetForAnEarlierOne() throws {
        // Loops can have the same address, one after the other.
        for _ in 0..<20 {
            try withVirtualLoop { virtual in
                #expect(virtual.loop.blockedThreshold == Environment.blockedThreshold)
                virtual.loop.blockedThreshold = .seconds(7)
                try virtual.close()
                #expect(virtual.loop.blockedThreshold == .seconds(7))
            }
        }
    }

    private nonisolated final class Busy: LoopComponent {
        var isWorking = true
        override var isBusy: Bool { isWorking }
    }

    @Test
    func aBusyComponentHoldsBackVirtualTime() throws {
        try withVirtualLoop { virtual in
            let loop = virtual.loop
            let busy = loop.component(Busy.self)
            var elapsed: Duration?
            virtual.createTask {
                try await sleep(.seconds(3600))
            }
            // Another thread reports, of which the loop knows only through the component. The pause gives a loop
            // that does not wait for it the time to jump.
            // SAFETY: the callback runs on the loop's thread.
            nonisolated(unsafe) let work = busy
            nonisolated(unsafe) let report = { elapsed = virtual.elapsed }
            DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(50)) {
                _ = try? loop.callSoonThreadSafe {
                    unsafe report()
                    unsafe work.isWorking = false
                }
            }
            _ = try virtual.run()
            #expect(elapsed == .zero)
            #expect(virtual.elapsed == .seconds(3600))
        }
    }
}
