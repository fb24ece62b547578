/// The open generators of a loop. The body of an open generator has started but has not ended. Use this class only on
/// the loop's thread.
final class OpenGenerators: LoopComponent {
    private var generators: [Int: any OpenGenerator] = [:]
    private var lastNumber = 0

    var isEmpty: Bool { generators.isEmpty }

    /// All open generators, oldest first.
    var all: [any OpenGenerator] { generators.sorted { $0.key < $1.key }.map(\.value) }

    func add(_ generator: any OpenGenerator) -> Int {
        lastNumber += 1
        generators[lastNumber] = generator
        return lastNumber
    }

    func remove(_ number: Int) { generators[number] = nil }
}
