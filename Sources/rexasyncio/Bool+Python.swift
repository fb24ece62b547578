extension Bool {
    /// As Python prints it.
    var inPython: String { self ? "True" : "False" }
}
