import Testing

@testable import AsyncIO

@Suite struct TaskListInvariantTests {
    @Test(arguments: 0..<6 as Range<UInt64>)
    func everyTaskIsFoundUntilItLeaves(seed: UInt64) throws {
        try withVirtualTimeLoop { loop in
            try loop.whileCurrent {
                var numbers = SplitMix(seed: seed)
                var model: [AnyAsyncTask] = []
                var gone: [Reference] = []
                var last: UInt64 = 0
                for number in 0..<800 {
                    let isGrowing = number / 100 % 2 == 0
                    switch Int.random(in: 0..<200, using: &numbers) {
                    case 199:
                        loop.tasks.removeAll()
                        // Tasks can end after that.
                        for task in model { loop.tasks.remove(task) }
                        gone += model.map(Reference.init)
                        model = []
                    case ..<(isGrowing ? 140 : 60):
                        let task = AnyAsyncTask(name: nil, site: nil)
                        last += 1
                        #expect(task.number == last)
                        model.append(task)
                    default:
                        guard let task = model.takeRandom(&numbers) else { break }
                        loop.tasks.remove(task)
                        if numbers.isOne(in: 4) { loop.tasks.remove(task) }
                        gone.append(Reference(task))
                    }
                    loop.tasks.checkInvariants()
                    #expect(loop.tasks.count == model.count)
                    try #require(loop.tasks.all.map(ObjectIdentifier.init) == model.map(ObjectIdentifier.init))
                    if let task = model.randomElement(using: &numbers) {
                        #expect(loop.tasks[number: task.number] === task)
                    }
                    try #require(gone.allSatisfy { $0.object == nil }, "a task that has left is released")
                    gone = []
                }
                loop.tasks.removeAll()
            }
        }
    }
}
