import AsyncIOTesting
import Testing

@testable import AsyncIO

@Suite(.virtualTime)
struct WaitQueueInvariantTests {
    /// The tasks that wait, in the order in which they joined.
    private final class Model {
        var line: [Int] = []
        var woken: Set<Int> = []
        var served: [Int] = []
    }

    @Test(arguments: [1, 7, 42, 1001] as [UInt64])
    func aQueueThatTasksJoinLeaveAndAreWokenFromAtRandomKeepsItsOrder(seed: UInt64) async throws {
        var random = SplitMix(seed: seed)
        let queue = WaitQueue()
        let model = Model()
        var tasks: [Int: AsyncTask<Void>] = [:]
        for number in 0..<400 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                tasks[number] = createTask {
                    model.line.append(number)
                    defer {
                        model.line.removeAll { $0 == number }
                        model.woken.remove(number)
                    }
                    try await queue.park(for: "a test")
                    model.served.append(number)
                }
                try await sleep(.zero)
            case 5..<7:
                // The order of the wake-ups is that of the line, without those that were woken before.
                let next = model.line.filter { !model.woken.contains($0) }.prefix(2)
                #expect(queue.wake(2) == next.count)
                model.woken.formUnion(next)
                queue.checkInvariants()
                try await sleep(.zero)
            default:
                if let victim = tasks.keys.sorted().randomElement(using: &random) {
                    tasks.removeValue(forKey: victim)?.cancel()
                    queue.checkInvariants()
                    try await sleep(.zero)
                }
            }
            queue.checkInvariants()
            #expect(queue.waiters.count == model.line.count)
        }
        #expect(model.served == model.served.sorted())
        #expect(!model.served.isEmpty)
        while !queue.isEmpty {
            queue.wakeAndRemoveFirst()
            queue.checkInvariants()
        }
    }

    @Test
    func aCancelledTaskLearnsWhetherItHadBeenWoken() async throws {
        let queue = WaitQueue()
        var outcomes: [Bool] = []
        func park() async throws {
            try await queue.park(for: "a test", ifCancelled: { outcomes.append($0) })
        }
        let (woken, waiting) = (createTask { try await park() }, createTask { try await park() })
        try await sleep(.zero)
        queue.wake(1)
        woken.cancel()
        waiting.cancel()
        _ = try? await woken.value
        _ = try? await waiting.value
        #expect(outcomes == [true, false])
        #expect(queue.isEmpty)
    }

    @Test
    func aTaskWhoseJoiningFailsLeavesTheQueue() async throws {
        let queue = WaitQueue()
        struct Refused: Error {}
        await #expect(throws: Refused.self) {
            try await queue.park(for: "a test", whenJoined: { throw Refused() })
        }
        #expect(queue.isEmpty)
    }

    @Test
    func aWaitWithADeadlineEndsWithoutAnErrorThen() async throws {
        let queue = WaitQueue()
        let loop = try EventLoop.running
        let start = loop.now
        try await queue.park(for: "a test", until: loop.time.advanced(by: .seconds(3)), of: loop)
        #expect(start.duration(to: loop.now) == .seconds(3))
        #expect(queue.isEmpty)
    }
}
