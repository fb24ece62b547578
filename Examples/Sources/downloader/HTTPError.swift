/// The server's refusal, or an answer that makes no sense.
struct HTTPError: Error, CustomStringConvertible {
    let description: String
    /// Whether another attempt may succeed.
    let mayPass: Bool

    init(_ description: String, mayPass: Bool = false) { (self.description, self.mayPass) = (description, mayPass) }

    init(status: Int) {
        self.init("the server answers with status \(status)", mayPass: [408, 429].contains(status) || status >= 500)
    }

    static let cutOff = HTTPError("the server ended the connection too early", mayPass: true)
}
