/// A Lua script that the server executes atomically.
///
/// ```swift
/// let takeIfEqual = RedisScript("""
///     if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end
///     return 0
///     """)
/// let count = try await redis.run(takeIfEqual, keys: ["lock"], arguments: [token]).integer
/// ```
///
/// redis-py: `register_script`.
public struct RedisScript: Sendable, Hashable {
    /// The code.
    public let source: String
    /// The SHA-1 digest of the code, in hexadecimal, by which the server identifies the script.
    public let digest: String

    /// Creates a script.
    ///
    /// - Complexity: O(*n*), where *n* is the length of the code. Create each script only once.
    public init(_ source: String) {
        self.source = source
        digest = SHA1.hexDigest(of: Array(source.utf8))
    }
}

extension RedisSending {
    /// Runs a script. The client sends the digest, and sends the code only if the server does not have the script.
    ///
    /// - Parameters:
    ///   - script: The script.
    ///   - keys: The keys that the script uses. In a cluster, all keys must be in the same slot.
    ///   - arguments: The other arguments.
    /// - Returns: The value that the script returns.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    @discardableResult
    public func run(
        _ script: RedisScript, keys: [String] = [], arguments: [any RedisArgument] = []
    ) async throws -> RedisValue {
        func command(_ name: String, _ code: String) -> RedisCommand {
            var command = RedisCommand(name, code, keys.count)
            command.append(contentsOf: keys)
            for argument in arguments { argument.append(to: &command) }
            return command
        }
        do {
            return try await send(command("EVALSHA", script.digest))
        } catch let error as RedisError where error.code == .noScript {
            // EVAL also loads the script, so the next call finds it.
            return try await send(command("EVAL", script.source))
        }
    }
}

/// SHA-1, by which servers identify scripts. It is not used for security here.
enum SHA1 {
    static func hexDigest(of message: [UInt8]) -> String {
        var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
        var padded = message + [0x80]
        padded.append(contentsOf: repeatElement(0, count: (120 - padded.count % 64) % 64))
        let size = UInt64(message.count) * 8
        for shift in stride(from: 56, through: 0, by: -8) {
            padded.append(UInt8(truncatingIfNeeded: size >> UInt64(shift)))
        }
        var words = [UInt32](repeating: 0, count: 80)
        for block in stride(from: 0, to: padded.count, by: 64) {
            for index in 0..<16 {
                words[index] = padded[block + 4 * index..<block + 4 * index + 4].reduce(0) { $0 << 8 | UInt32($1) }
            }
            for index in 16..<80 {
                words[index] = rotate(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], 1)
            }
            var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
            for index in 0..<80 {
                let (mix, constant): (UInt32, UInt32) =
                    switch index {
                    case ..<20: (b & c | ~b & d, 0x5A82_7999)
                    case ..<40: (b ^ c ^ d, 0x6ED9_EBA1)
                    case ..<60: (b & c | b & d | c & d, 0x8F1B_BCDC)
                    default: (b ^ c ^ d, 0xCA62_C1D6)
                    }
                let next = rotate(a, 5) &+ mix &+ e &+ constant &+ words[index]
                (a, b, c, d, e) = (next, a, rotate(b, 30), c, d)
            }
            for (index, word) in [a, b, c, d, e].enumerated() { state[index] &+= word }
        }
        return state.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }

    private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { word << count | word >> (32 - count) }
}
