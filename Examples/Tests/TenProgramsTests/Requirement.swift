import AsyncIO
import Glibc
import Testing

/// Something that a test needs and that not every machine has.
nonisolated struct Requirement: Sendable {
    /// The name, and how to install it: "nginx (Debian package: nginx)".
    let description: String
    let isMet: @Sendable () -> Bool

    /// A program on the path, or in a directory for administrators.
    static func program(_ name: String, package: String) -> Requirement {
        Requirement(description: "\(name) (Debian package: \(package))") { path(of: name) != nil }
    }

    static let bash = program("bash", package: "bash")
    static let cc = program("cc", package: "gcc")
    static let clang = program("clang", package: "clang")
    static let curl = program("curl", package: "curl")
    static let fish = program("fish", package: "fish")
    static let grep = program("grep", package: "grep")
    static let mandoc = program("mandoc", package: "mandoc")
    static let nginx = program("nginx", package: "nginx")
    static let openssl = program("openssl", package: "openssl")
    static let python3 = program("python3", package: "python3")
    static let redis = program("redis-server", package: "redis-server")
    static let setpriv = program("setpriv", package: "util-linux")
    static let swiftc = program("swiftc", package: "none; it comes with Swift")
    static let tmux = program("tmux", package: "tmux")
    static let zsh = program("zsh", package: "zsh")
    /// The library that provides TLS.
    static let tls = Requirement(description: "libssl.so.3 (Debian package: libssl3)") {
        (try? TLSContext.client(systemTrust: false)) != nil
    }

    /// The path of a program; nil if it is not found.
    static func path(of name: String) -> String? {
        // SAFETY: the text is copied before the environment could change.
        let path = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? ""
        let folders = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin"]
        return folders.lazy.map { "\($0)/\(name)" }.first { unsafe access($0, X_OK) == 0 }
    }
}

/// Skips a test on a machine that lacks what the test needs, and reports what that is.
///
/// With `ASYNCIO_REQUIRE_PEERS=1` the test fails instead, so that a machine that should have
/// everything does not skip tests unnoticed.
nonisolated struct RequirementTrait: TestTrait, SuiteTrait {
    let requirements: [Requirement]
    let arePeersRequired: Bool
    var isRecursive: Bool { true }

    func prepare(for test: Test) async throws {
        for requirement in requirements where !requirement.isMet() {
            if arePeersRequired { throw MissingRequirement(description: requirement.description) }
            let skip: ConditionTrait = .disabled("needs \(requirement.description)")
            try await skip.prepare(for: test)
        }
    }
}

nonisolated struct MissingRequirement: Error, CustomStringConvertible {
    let description: String
    init(description: String) {
        self.description =
            "ASYNCIO_REQUIRE_PEERS is set, but this machine lacks \(description). Install it, or unset the variable "
            + "to skip the test."
    }
}

extension Trait where Self == RequirementTrait {
    /// The test needs all of these.
    nonisolated static func requires(_ requirements: Requirement...) -> Self {
        let isSet = unsafe getenv("ASYNCIO_REQUIRE_PEERS").map { unsafe String(cString: $0) == "1" } ?? false
        return RequirementTrait(requirements: requirements, arePeersRequired: isSet)
    }
}
