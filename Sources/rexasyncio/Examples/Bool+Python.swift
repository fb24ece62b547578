extension Bool {
    /// The value as Python prints it.
    var inPython: String { self ? "True" : "False" }
}
