/// The generators of a loop whose bodies have started but not ended. Loop thread only.
final class OpenGenerators: LoopComponent {
    private var generators: [Int: any OpenGenerator] = [:]
    private var lastNumber = 0

    var isEmpty: Bool { generators.isEmpty }

    /// Oldest first.
    var all: [any OpenGenerator] { generators.sorted { $0.key < $1.key }.map(\.value) }

    func add(_ generator: any OpenGenerator) -> Int {
        lastNumber += 1
        generators[lastNumber] = generator
        return lastNumber
    }

    func remove(_ number: Int) { generators[number] = nil }
}
