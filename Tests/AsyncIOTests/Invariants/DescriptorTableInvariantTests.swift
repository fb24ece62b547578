import Testing

@testable import AsyncIO

@Suite struct DescriptorTableInvariantTests {
    @Test(arguments: 0..<6 as Range<UInt64>)
    func anEventReachesTheWatchThatItIsForAndNoOther(seed: UInt64) throws {
        var test = Driver(seed: seed)
        for _ in 0..<800 {
            test.step()
            try test.check()
        }
        test.removeAll()
        try test.check()
    }

    /// Performs the same operations on a table and on a dictionary. No descriptor is used.
    private struct Driver {
        var table = DescriptorTable()
        var numbers: SplitMix
        var model: [Int32: Watch] = [:]
        /// The latest tokens of watches that have left.
        var oldTokens: [UInt64] = []
        var gone: [Reference] = []

        init(seed: UInt64) { numbers = SplitMix(seed: seed) }

        mutating func step() {
            let descriptor = Int32.random(in: 0..<40, using: &numbers)
            switch Int.random(in: 0..<100, using: &numbers) {
            case 99: removeAll()
            case ..<45: insert(descriptor)
            case ..<50:
                // The number was reused in the meantime, so it is another watch's.
                table.remove(table.makeWatch(descriptor, isEdgeTriggered: true))
            default:
                guard let watch = model.removeValue(forKey: descriptor) else { break }
                table.remove(watch)
                if numbers.isOne(in: 4) { table.remove(watch) }
                note(watch)
            }
        }

        private mutating func insert(_ descriptor: Int32) {
            let watch = table.makeWatch(descriptor, isEdgeTriggered: Bool.random(using: &numbers))
            if !watch.isEdgeTriggered { watch.onReadable = WatchCallback {} }
            table.insert(watch)
            if let earlier = model.updateValue(watch, forKey: descriptor) { note(earlier) }
        }

        private mutating func note(_ watch: Watch) {
            oldTokens = oldTokens.suffix(20) + [watch.token]
            gone.append(Reference(watch))
        }

        mutating func removeAll() {
            table.removeAll()
            for watch in model.values {
                #expect(watch.onReadable == nil)
                note(watch)
            }
            model = [:]
        }

        mutating func check() throws {
            table.checkInvariants()
            #expect(table.count == model.count)
            #expect(table.isEmpty == model.isEmpty)
            for descriptor in Int32(-1)...41 {
                try #require(table[descriptor] === model[descriptor])
                guard let token = model[descriptor]?.token else { continue }
                #expect(watch(for: token) === model[descriptor])
            }
            for token in oldTokens { try #require(watch(for: token) == nil, "an event of the past reaches no one") }
            try #require(gone.allSatisfy { $0.object == nil }, "a watch that has left is released")
            gone = []
        }

        private func watch(for token: UInt64) -> Watch? {
            var found: Watch?
            let isKnown = table.withWatch(token: token) { found = $0 }
            #expect(isKnown == (model[Int32(truncatingIfNeeded: token)] != nil))
            return found
        }
    }
}
