internal import AsyncIOSystem

extension Duration {
    /// The duration with two or three digits: "3.2 s", "15 ms".
    var inWords: String { timeInWords(nanoseconds: roundedUpNanoseconds) }
}
