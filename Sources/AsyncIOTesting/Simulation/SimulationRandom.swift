/// The random numbers of a simulation (SplitMix64). The same seed gives the same numbers on every machine.
struct SimulationRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 0x5851_F42D_4C95_7F2D }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// A number in 0..<1.
    mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Whether something happens that has this probability.
    mutating func happens(_ probability: Double) -> Bool { probability > 0 && fraction() < probability }
}
