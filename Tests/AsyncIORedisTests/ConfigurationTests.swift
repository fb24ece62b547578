import AsyncIO
import AsyncIORedis
import Testing

@Suite struct ConfigurationTests {
    typealias Address = RedisConfiguration.Address
    typealias Credentials = RedisConfiguration.Credentials

    @Test func urlsDescribeServers() throws {
        var one = try RedisConfiguration(url: "redis://")
        #expect(one.topology == .standalone(Address(host: "127.0.0.1", port: 6379)))
        #expect(one.credentials == nil && one.database == 0 && one.tls == nil)
        one = try RedisConfiguration(url: "redis://cache")
        #expect(one.topology == .standalone(Address(host: "cache", port: 6379)))
        one = try RedisConfiguration(url: "rediss://ada:p%40ss%2Fword@cache.example:7000/12?client_name=me&protocol=2")
        #expect(one.topology == .standalone(Address(host: "cache.example", port: 7000)))
        #expect(one.credentials == Credentials(user: "ada", password: "p@ss/word"))
        #expect(one.database == 12 && one.clientName == "me" && one.protocolVersion == .resp2 && one.tls != nil)
        one = try RedisConfiguration(url: "redis://:secret@[::1]:6380?db=4&timeout=2.5&connect_timeout=1")
        #expect(one.topology == .standalone(Address(host: "::1", port: 6380)))
        #expect(one.credentials == Credentials(password: "secret"))
        #expect(one.database == 4 && one.commandTimeout == .seconds(2.5) && one.connectTimeout == .seconds(1))
        one = try RedisConfiguration(url: "unix:///run/my%20redis.sock?db=1&username=u&password=p")
        #expect(one.topology == .unix(path: "/run/my redis.sock"))
        #expect(one.database == 1 && one.credentials == Credentials(user: "u", password: "p"))
        #expect(try RedisConfiguration(url: "redis+unix:///a/b").topology == .unix(path: "/a/b"))
        one = try RedisConfiguration(url: "redis+sentinel://a,b:1/mymaster/3")
        #expect(
            one.topology
                == .sentinel([Address(host: "a", port: 26379), Address(host: "b", port: 1)], master: "mymaster"))
        #expect(one.database == 3)
        one = try RedisConfiguration(url: "rediss+cluster://a,b:7001")
        #expect(one.topology == .cluster([Address(host: "a"), Address(host: "b", port: 7001)]))
        #expect(one.tls != nil)
    }

    @Test(arguments: [
        ("localhost:6379", #"expected a URL such as redis://localhost:6379/0, got "localhost:6379""#),
        (
            "http://localhost",
            "unknown scheme http in the URL; use redis, rediss, unix, redis+sentinel, or redis+cluster"
        ),
        ("redis://host:0", "expected a port from 1 to 65535 in the address host:0"),
        ("redis://host:x", "the port must be a number, got x"),
        ("redis://host/x", "the database must be a number, got x"),
        ("redis://user@host", "the URL has a user without a password; write user:password@, or :password@"),
        ("redis://a%2:b@host", "expected two hexadecimal digits after each % in \"a%2\""),
        ("redis://:%FF@host", "\"%FF\" is not UTF-8"),
        (
            "redis://host?color=red",
            "unknown parameter color in the URL; RedisConfiguration.init(url:) lists the parameters"
        ),
        ("redis://host?protocol=4", "protocol must be 2 or 3, got 4"),
        ("redis://host?timeout=-1", "timeout must be a positive number of seconds, got -1"),
        ("redis://host?client_name=a%20b", "clientName must not contain spaces, got \"a b\""),
        ("unix://path", "expected the absolute path of a Unix socket after unix://, got path"),
        ("redis+sentinel://a", "the URL does not name a master; write redis+sentinel://host:26379/name"),
        ("redis+cluster://a/2", "database must be 0 in a cluster, got 2"),
        ("redis://[::1", "expected ] in the address [::1"),
    ]) func wrongURLsAreExplained(url: String, message: String) {
        let error = #expect(throws: ValueError.self) { try RedisConfiguration(url: url) }
        #expect(error?.message == message)
    }
}

@Suite struct ValueTests {
    @Test func valuesOfEachKindAreRead() throws {
        let bulk = RedisValue.bulkString(Array("12".utf8))
        #expect(try bulk.string == "12")
        #expect(try bulk.bytes == [0x31, 0x32])
        #expect(try bulk.integer == 12)
        #expect(try bulk.double == 12)
        #expect(try RedisValue.integer(1).boolean)
        #expect(try !RedisValue.boolean(false).boolean)
        #expect(try RedisValue.double(1.5).double == 1.5)
        let flat = RedisValue.array([.simpleString("a"), .integer(1)])
        let map = RedisValue.map([RedisPair(key: .simpleString("a"), value: .integer(1))])
        #expect(try flat.map == map.map)
        #expect(try map.value(for: "a") == .integer(1))
        #expect(try map.value(for: "b") == nil)
        #expect(try map.decode(as: [String: Int].self) == ["a": 1])
        #expect(try flat.decode(as: [RedisValue].self).count == 2)
        #expect(try RedisValue.set([.integer(1), .integer(2)]).decode(as: Set<Int>.self) == [1, 2])
        #expect(try RedisValue.array([bulk, .null]).decode(as: [Int?].self) == [12, nil])
        #expect(try bulk.decode(as: [UInt8].self) == [0x31, 0x32])
        #expect(try RedisValue.verbatim(RedisVerbatim(format: "txt", bytes: [0x61])).string == "a")
    }

    @Test func aWrongTypeIsExplained() {
        func message(_ body: () throws -> Void) -> String {
            do { try body() } catch { return "\(error)" }
            return "no error"
        }
        #expect(message { _ = try RedisValue.null.string } == "expected a string, but the server sent null: null")
        #expect(
            message { _ = try RedisValue.bulkString([0x61]).integer }
                == "expected an integer, but the server sent a bulk string: \"a\"")
        #expect(
            message { _ = try RedisValue.bulkString([0xFF]).string }
                == "expected text in UTF-8, but the server sent a bulk string: \"\u{FFFD}\"")
        #expect(
            message { _ = try RedisValue.array([.integer(1)]).map }
                == "expected a map, but the server sent an array: [1]")
        #expect(
            message { _ = try RedisValue.integer(7).boolean } == "expected a Boolean, but the server sent an integer: 7"
        )
    }

    @Test func errorsHaveCodes() {
        let error = RedisError("WRONGTYPE Operation against a key")
        #expect(error.code == .wrongType)
        #expect(error.message == "Operation against a key")
        #expect(RedisError("ERR no").code == .general)
        #expect(RedisError("no code").code == .general)
        #expect(RedisError("no code").message == "no code")
        #expect(RedisError("OOM").code == .outOfMemory)
    }
}
