/// The lateness of the timers that have fired, in nanoseconds. This type is used only on the loop's thread.
struct Lag {
    private(set) var latest: Int64 = 0
    /// The longest delay since ``beginInterval()``.
    private(set) var longestOfInterval: Int64 = 0
    private var longestBefore: Int64 = 0

    var longest: Int64 { max(longestBefore, longestOfInterval) }

    @inline(__always)
    mutating func note(_ lateness: Int64) {
        latest = lateness
        if lateness > longestOfInterval { longestOfInterval = lateness }
    }

    mutating func beginInterval() {
        longestBefore = longest
        longestOfInterval = 0
    }
}
