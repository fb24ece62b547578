/// Stops the program because an argument in its source code is not valid.
///
/// - Parameter twin: The name of the throwing initializer for values that are known only at run time.
func stop(_ message: String, instead twin: String) -> Never {
    fatalError("\(message); use \(twin) for a value that is not known to be valid")
}
