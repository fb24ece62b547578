import Testing

@testable import AsyncIO

@Suite struct CarrierTableInvariantTests {
    @Test(arguments: 0..<6 as Range<UInt64>, [false, true])
    func everyCarrierIsFoundWhateverStartsSuspendsAndEnds(seed: UInt64, isCrowded: Bool) throws {
        var test = Driver(seed: seed, isCrowded: isCrowded)
        for number in 0..<800 {
            try test.step(isGrowing: number / 200 % 2 == 0)
            try test.check()
        }
        while test.endOne() { try test.check() }
    }

    /// Does with a table what the loop does, and the same with dictionaries.
    private struct Driver {
        final class Logical {
            let task = AnyAsyncTask(behind: "task")
            /// The addresses of its carriers, innermost last.
            var carriers: [UInt] = []
            /// Whether the innermost one waits in this library. Otherwise, it is suspended in something else.
            var isParked = false
        }

        enum State { case stored, running, parked }

        var table = CarrierTable()
        var numbers: SplitMix
        var unused: [UInt]
        var live: [Logical] = []
        /// The task that runs now.
        var current: Logical?
        var stored: [UInt: Logical] = [:]
        var front: (carrier: UInt, state: State)?

        init(seed: UInt64, isCrowded: Bool) {
            numbers = SplitMix(seed: seed)
            var addresses: [UInt] = []
            while addresses.count < (isCrowded ? 60 : 300) {
                let address = UInt.random(in: 1..<1 << 40, using: &numbers) << 4
                // In a crowd, all are at home in a few slots at the end and at the start of a small table.
                let home = ((address >> 4) &* 0x9E37_79B9_7F4A_7C15) >> 32 & 63
                if !isCrowded || home < 2 || home > 60 { addresses.append(address) }
            }
            unused = addresses
        }

        /// A carrier that is only compared.
        private func carrier(_ address: UInt) -> Carrier { unsafeBitCast(address, to: Carrier.self) }

        private mutating func putInFront(_ address: UInt, _ owner: Logical, _ state: State) {
            if let front, front.state == .running, front.carrier != address {
                stored[front.carrier] = live.first { $0.carriers.contains(front.carrier) }
            }
            front = (address, state)
        }

        // MARK: What can happen

        mutating func step(isGrowing: Bool) throws {
            let isStart = Int.random(in: 0..<10, using: &numbers) < (isGrowing ? 5 : 1)
            guard let current else {
                if isStart || live.isEmpty { start() } else { try resumeOne() }
                return
            }
            switch Int.random(in: 0..<10, using: &numbers) {
            case 0..<3: try park(current)
            case 3..<6: self.current = nil
            default:
                if isStart, current.carriers.count < 5 { try nest(current) } else { end(current) }
            }
        }

        private mutating func start() {
            guard !unused.isEmpty else { return }
            let logical = Logical()
            live.append(logical)
            enter(logical)
        }

        private mutating func enter(_ logical: Logical) {
            guard let address = unused.takeRandom(&numbers) else { return }
            logical.carriers.append(address)
            logical.task.carrier = carrier(address)
            table.insert(carrier(address), logical.task)
            putInFront(address, logical, .running)
            current = logical
        }

        private mutating func nest(_ logical: Logical) throws {
            try lookUp(logical)
            enter(logical)
        }

        private mutating func park(_ logical: Logical) throws {
            try lookUp(logical)
            table.parks()
            if front?.state == .running { front?.state = .parked }
            logical.isParked = true
            current = nil
        }

        private mutating func resumeOne() throws {
            guard let logical = live.randomElement(using: &numbers), let address = logical.carriers.last else { return }
            current = logical
            if logical.isParked {
                logical.isParked = false
                table.wakes(UnretainedTask(logical.task))
                putInFront(address, logical, stored[address] == nil ? .running : .stored)
            } else if Bool.random(using: &numbers) {
                try lookUp(logical)
            }
        }

        /// Finds the task of the carrier that runs, as every operation of a task does first.
        private mutating func lookUp(_ logical: Logical) throws {
            let address = try #require(logical.carriers.last)
            let found = table.task(of: carrier(address))
            try #require(found?.bits == UnretainedTask(logical.task).bits)
            if front?.carrier != address { putInFront(address, logical, .stored) }
        }

        private mutating func end(_ logical: Logical) {
            let address = logical.carriers.removeLast()
            table.remove(carrier(address), of: logical.task)
            logical.task.carrier = logical.carriers.last.map(carrier)
            if front?.carrier == address { front = nil }
            stored[address] = nil
            unused.append(address)
            if logical.carriers.isEmpty {
                live.removeAll { $0 === logical }
                current = nil
            }
        }

        /// Ends a carrier of any task. Returns false if no task has one.
        mutating func endOne() -> Bool {
            if current == nil { try? resumeOne() }
            guard let current else { return false }
            end(current)
            return true
        }

        // MARK: Comparison

        func check() throws {
            table.checkInvariants()
            var found: [UInt: ObjectIdentifier] = [:]
            for (task, carriers) in table.stored { for carrier in carriers { found[carrier.bits] = task } }
            try #require(found == stored.mapValues { ObjectIdentifier($0.task) })
            for logical in live {
                table.checkInvariants(of: logical.task)
                #expect(logical.task.isCarrierStored == (logical.carriers.last.flatMap { stored[$0] } != nil))
            }
            guard let any = live.first else { return }
            #expect(Set(table.carriers(of: any.task).map(\.bits)) == Set(any.carriers))
        }
    }
}
