import AsyncIO
import AsyncIOTesting
import Glibc
import Testing

/// The zone of an IPv6 address: the interface to which it belongs. Every machine has "lo".
@Suite(.eventLoop) struct ZoneTests {
    @Test func anAddressKeepsItsZone() throws {
        let address = try Endpoint(host: "fe80::1%lo", port: 9)
        #expect(address.host == "fe80::1%lo")
        #expect(address.description == "[fe80::1%lo]:9")
        #expect(address.family == .ipv6)
        #expect(try Endpoint(host: address.host, port: 9) == address)
    }

    @Test func aZoneIsANameOrANumber() throws {
        let index = if_nametoindex("lo")
        #expect(try Endpoint(host: "fe80::1%\(index)", port: 9) == Endpoint(host: "fe80::1%lo", port: 9))
        // A number without an interface stays a number.
        #expect(try Endpoint(host: "fe80::1%4000000000", port: 9).host == "fe80::1%4000000000")
    }

    @Test func addressesInOtherZonesAreOthers() throws {
        let addresses = try ["fe80::1", "fe80::1%lo", "fe80::1%4000000000"].map { try Endpoint(host: $0, port: 9) }
        #expect(Set(addresses).count == 3)
        #expect(addresses[0].host == "fe80::1")
    }

    @Test(arguments: ["fe80::1%nowhere", "fe80::1%", "fe80::1%-1", "fe80::1%+1", "fe80::1%99999999999"])
    func aZoneThatIsNoInterfaceIsAnError(host: String) throws {
        let error = #expect(throws: ValueError.self) { try Endpoint(host: host, port: 9) }
        #expect(error?.message.contains("there is no interface") == true)
    }

    @Test func anIPv4AddressHasNone() {
        #expect(throws: ValueError.self) { try Endpoint(host: "127.0.0.1%lo", port: 9) }
    }

    @Test func aConnectionIsMadeInAZone() async throws {
        // The loopback address is valid in the loopback zone. Not every machine has IPv6.
        guard let server = try? await startServer(host: "::1", port: 0, { _, writer in try await writer.write("hi") })
        else { return }
        let (reader, writer) = try await openConnection(host: "::1%lo", port: server.port)
        #expect(try await reader.read() == Array("hi".utf8))
        writer.close()
        server.close()
    }

    @Test func theResolverKeepsZonesToo() async throws {
        let found = try await EventLoop.running.getAddrInfo(host: "fe80::1%lo", service: "9")
        #expect(found.first?.host == "fe80::1%lo")
    }
}
