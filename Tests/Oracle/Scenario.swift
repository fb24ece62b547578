/// A program that uses asyncio's primitives: the content of a line of input.
nonisolated struct Scenario: Sendable {
    /// The objects that exist before anything runs, by name.
    let objects: [(name: String, spec: Op)]
    /// The bodies of coroutines, by name.
    let coroutines: [String: [Op]]
    /// Whether every task except main starts inside the call that creates it.
    let isEager: Bool
    /// The limit of virtual time.
    let limit: Duration

    init(_ json: JSON) {
        // A record of the corpus holds the scenario as a member.
        let fields = json.members["scenario"]?.members ?? json.members
        // A condition refers to a lock, which must therefore be created first.
        objects = (fields["objects"]?.members ?? [:])
            .map { (name: $0.key, spec: Op($0.value)) }
            .sorted { $0.spec.has("lock") != $1.spec.has("lock") ? $1.spec.has("lock") : $0.name < $1.name }
        coroutines = (fields["coros"]?.members ?? [:]).mapValues { $0.elements.map(Op.init) }
        isEager = fields["eager"]?.flag ?? false
        limit = .milliseconds(fields["max_ms"]?.integer ?? 60_000)
    }
}

/// One step of a coroutine or a callback: its name and its fields.
nonisolated struct Op: Sendable {
    let name: String
    private let fields: [String: JSON]

    init(_ json: JSON) {
        fields = json.members
        name = fields["op"]?.string ?? ""
    }

    func has(_ field: String) -> Bool { fields[field] != nil }

    /// A field that must be a string.
    func text(_ field: String) -> String {
        guard let text = fields[field]?.string else { malformed("\(name) has no \(field)") }
        return text
    }

    func optionalText(_ field: String) -> String? { fields[field]?.string }

    /// A field that must be a number.
    func int(_ field: String) -> Int {
        guard let int = fields[field]?.integer else { malformed("\(name) has no \(field)") }
        return int
    }

    /// A number, or nil if the field is missing or null.
    func optionalInt(_ field: String) -> Int? { fields[field]?.integer }

    func flag(_ field: String) -> Bool? { fields[field]?.flag }

    func value(_ field: String) -> Value { fields[field].map(Value.init) ?? .null }

    /// The steps in a field; none if it is missing.
    func body(_ field: String = "body") -> [Op] { fields[field]?.elements.map(Op.init) ?? [] }

    /// One name or a list of names.
    func names(_ field: String) -> [String] {
        guard let json = fields[field] else { return [] }
        return json.string.map { [$0] } ?? json.elements.compactMap(\.string)
    }

    /// The `refs` of a combinator.
    var items: [Item] { fields["refs"]?.elements.map(Item.init) ?? [] }

    /// The argument of `wait_for` and `shield`: a ref or a coroutine.
    var item: Item {
        if let coroutine = optionalText("coro") { return .coroutine(coroutine, name: text("as")) }
        return .ref(text("ref"))
    }
}

/// Something to wait for: an existing task or future, or a coroutine to run.
nonisolated enum Item: Sendable {
    case ref(String)
    case coroutine(String, name: String)

    init(_ json: JSON) {
        if let name = json.string {
            self = .ref(name)
        } else {
            let fields = Op(json)
            self = .coroutine(fields.text("coro"), name: fields.text("as"))
        }
    }
}

/// Stops at a malformed scenario, which is a mistake of its author. There is no trace to print.
nonisolated func malformed(_ problem: String) -> Never { fatalError("malformed scenario: \(problem)") }

extension JSON {
    nonisolated var members: [String: JSON] { if case .object(let members) = self { members } else { [:] } }
    nonisolated var elements: [JSON] { if case .array(let elements) = self { elements } else { [] } }
    nonisolated var string: String? { if case .string(let string) = self { string } else { nil } }
    nonisolated var integer: Int? { if case .number(let integer) = self { integer } else { nil } }
    nonisolated var flag: Bool? { if case .bool(let flag) = self { flag } else { nil } }
}
