internal import AsyncIOSystem

extension Duration {
    /// The duration as text with two or three digits, such as `3.2 s` or `15 ms`.
    var inWords: String { timeInWords(nanoseconds: roundedUpNanoseconds) }
}
