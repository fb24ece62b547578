/// A reference for checking that an object is released.
nonisolated final class Reference {
    weak private(set) var object: AnyObject?
    init(_ object: AnyObject) { self.object = object }
}

nonisolated extension RandomNumberGenerator {
    /// Returns true once in `number` times on average.
    mutating func isOne(in number: Int) -> Bool { Int.random(in: 0..<number, using: &self) == 0 }
}

nonisolated extension RangeReplaceableCollection where Self: MutableCollection, Index == Int {
    /// Removes and returns a random element.
    mutating func takeRandom(_ numbers: inout some RandomNumberGenerator) -> Element? {
        indices.randomElement(using: &numbers).map { remove(at: $0) }
    }
}
