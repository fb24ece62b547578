import Testing

@testable import AsyncIO

@Suite struct ChildListInvariantTests {
    @Test(arguments: 0..<6 as Range<UInt64>)
    func childrenStayInTheOrderOfTheirCreationWhicheverLeave(seed: UInt64) throws {
        var numbers = SplitMix(seed: seed)
        var gone: [Reference] = []
        do {
            var list = ChildList()
            var model: [ChildList.Child] = []
            // Some that have left, which must not retain those that came after them.
            var left: [ChildList.Child] = []
            for number in 0..<1_000 {
                let isGrowing = number / 100 % 2 == 0
                if Int.random(in: 0..<10, using: &numbers) < (isGrowing ? 7 : 3) {
                    model.append(list.append(AnyAsyncTask(behind: "task")))
                } else if let child = takeChild(&model, &numbers) {
                    list.remove(child)
                    left.append(child)
                }
                list.checkInvariants()
                while left.count > 10, let child = left.takeRandom(&numbers) {
                    gone.append(Reference(child))
                    gone.append(Reference(child.task))
                }
                #expect(list.isEmpty == model.isEmpty)
                try #require(list.all.map(ObjectIdentifier.init) == model.map { ObjectIdentifier($0.task) })
                try #require(gone.allSatisfy { $0.object == nil }, "a child that has left is released")
                gone = []
            }
            for _ in 0..<10 { model.append(list.append(AnyAsyncTask(behind: "task"))) }
            gone = model.map(Reference.init)
        }
        #expect(gone.allSatisfy { $0.object == nil }, "a list releases its children")
    }

    /// Takes the first, the last, or any child.
    private func takeChild(_ children: inout [ChildList.Child], _ numbers: inout SplitMix) -> ChildList.Child? {
        switch Int.random(in: 0..<4, using: &numbers) {
        case 0: children.isEmpty ? nil : children.removeFirst()
        case 1: children.popLast()
        default: children.takeRandom(&numbers)
        }
    }
}
