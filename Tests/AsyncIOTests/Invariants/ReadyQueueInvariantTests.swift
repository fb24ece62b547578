import Testing

@testable import AsyncIO

@Suite struct ReadyQueueInvariantTests {
    @Test(arguments: 0..<6 as Range<UInt64>)
    func entriesLeaveInTheOrderInWhichTheyCameUnlessOneIsMovedToTheFront(seed: UInt64) throws {
        var numbers = SplitMix(seed: seed)
        var gone: [Reference] = []
        do {
            var queue = ReadyQueue()
            var model: [AnyObject] = []
            for number in 0..<600 {
                // It grows for a while, and then it shrinks.
                let isGrowing = number / 100 % 2 == 0
                switch Int.random(in: 0..<100, using: &numbers) {
                case ..<(isGrowing ? 60 : 30):
                    for _ in 0..<Int.random(in: 1..<16, using: &numbers) {
                        let (entry, object) = makeEntry(&numbers)
                        queue.append(entry)
                        model.append(object)
                    }
                case 98...:
                    let all = queue.removeAll()
                    try #require(all.map(Self.object) == model.map(ObjectIdentifier.init))
                    gone += model.map(Reference.init)
                    model = []
                case 80...:
                    guard let index = model.indices.randomElement(using: &numbers) else { break }
                    queue.moveToFront(index)
                    model.insert(model.remove(at: index), at: 0)
                default:
                    for _ in 0..<Int.random(in: 1..<16, using: &numbers) {
                        let entry = queue.popFirst()
                        try #require(entry.map(Self.object) == model.first.map(ObjectIdentifier.init))
                        if !model.isEmpty { gone.append(Reference(model.removeFirst())) }
                    }
                }
                queue.checkInvariants()
                let (count, isEmpty) = (queue.count, queue.isEmpty)
                #expect(count == model.count)
                #expect(isEmpty == model.isEmpty)
                let entries = (0..<queue.count).map { Self.object(queue[$0]) }
                try #require(entries == model.map(ObjectIdentifier.init))
                try #require(gone.allSatisfy { $0.object == nil }, "an entry that has left is released")
                gone = []
            }
            for _ in 0..<10 {
                let (entry, object) = makeEntry(&numbers)
                queue.append(entry)
                model.append(object)
            }
            gone = model.map(Reference.init)
        }
        #expect(gone.allSatisfy { $0.object == nil }, "a queue releases its entries")
    }

    private func makeEntry(_ numbers: inout SplitMix) -> (ReadyEntry, AnyObject) {
        switch Int.random(in: 0..<3, using: &numbers) {
        case 0:
            let handle = Handle(.none)
            return (.handle(handle), handle)
        case 1:
            let callback = WatchCallback {}
            return (.descriptor(callback), callback)
        default:
            let future = FutureBase()
            return (.done(future, DoneCallback { _ in }), future)
        }
    }

    private static func object(_ entry: ReadyEntry) -> ObjectIdentifier {
        switch entry {
        case .handle(let handle): ObjectIdentifier(handle)
        case .descriptor(let callback): ObjectIdentifier(callback)
        case .done(let future, _): ObjectIdentifier(future)
        default: preconditionFailure("no test puts another kind of entry into the queue")
        }
    }
}
