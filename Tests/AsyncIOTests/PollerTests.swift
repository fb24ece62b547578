import AsyncIO
import AsyncIOSystem
import Glibc
import SystemPackage
import Testing

/// The pollers behave in the same way.
@Suite struct PollerTests {
    nonisolated enum Kind: CaseIterable {
        case epoll
        case ioUring

        func make() throws -> any Poller { try self == .epoll ? EpollPoller() : UringPoller() }

        /// The pollers that this system has.
        static var available: [Kind] { (try? UringPoller()) == nil ? [.epoll] : allCases }
    }

    /// The events that a poller reports. Waits until there are `count` of them.
    private func events(_ poller: any Poller, count: Int = 1) throws -> [UInt64: Interest] {
        var reported: [UInt64: Interest] = [:]
        while reported.count < count {
            reported.merge(try poll(poller, timeout: 10_000_000)) { $0.union($1) }
        }
        return reported
    }

    private func poll(_ poller: any Poller, timeout: Int64 = 0) throws -> [UInt64: Interest] {
        var reported: [UInt64: Interest] = [:]
        for index in 0..<(try poller.wait(timeout: timeout)) {
            let event = poller.event(at: index)
            reported[event.token, default: []].formUnion(event.ready)
        }
        return reported
    }

    @Test(arguments: Kind.available)
    func aStateIsReportedAsLongAsItLasts(kind: Kind) throws {
        let poller = try kind.make()
        let pipe = try Pipe()
        try poller.add(pipe.reader, for: .readable, token: 7)
        #expect(try poll(poller).isEmpty)
        pipe.send()
        for _ in 0..<3 { #expect(try events(poller) == [7: .readable]) }
        pipe.drain()
        _ = try poll(poller)
        #expect(try poll(poller).isEmpty)
        try poller.remove(pipe.reader)
    }

    @Test(arguments: Kind.available)
    func aChangeIsReportedOnce(kind: Kind) throws {
        let poller = try kind.make()
        let sockets = try SocketPair()
        try poller.add(sockets.left, for: [.readable, .writable, .edge], token: 8)
        #expect(try events(poller)[8]?.contains(.writable) == true)
        #expect(try poll(poller).isEmpty)
        for _ in 0..<3 {
            // Although the socket is not drained, each arrival is a change.
            sockets.send(from: sockets.right)
            #expect(try events(poller)[8]?.contains(.readable) == true)
            #expect(try poll(poller).isEmpty)
        }
        try poller.remove(sockets.left)
    }

    @Test(arguments: Kind.available)
    func theEndOfThePeerIsAHangup(kind: Kind) throws {
        let poller = try kind.make()
        let sockets = try SocketPair()
        try poller.add(sockets.left, for: [.readable, .writable, .edge], token: 9)
        _ = try events(poller)
        shutdown(sockets.right, Int32(SHUT_WR))
        #expect(try events(poller)[9]?.isSuperset(of: [.readable, .hangup]) == true)
        try poller.remove(sockets.left)
    }

    @Test(arguments: Kind.available)
    func whatWasReadyBeforeItWasAddedIsReported(kind: Kind) throws {
        let poller = try kind.make()
        let sockets = try SocketPair()
        sockets.send(from: sockets.right)
        try poller.add(sockets.left, for: [.readable, .writable, .edge], token: 10)
        #expect(try events(poller)[10]?.isSuperset(of: [.readable, .writable]) == true)
        try poller.remove(sockets.left)
    }

    @Test(arguments: Kind.available)
    func aChangeOfInterestTakesEffectAtOnce(kind: Kind) throws {
        let poller = try kind.make()
        let sockets = try SocketPair()
        sockets.send(from: sockets.right)
        try poller.add(sockets.left, for: .readable, token: 11)
        #expect(try events(poller) == [11: .readable])
        try poller.modify(sockets.left, for: .writable, token: 11)
        #expect(try events(poller) == [11: .writable])
        #expect(try events(poller) == [11: .writable])
        try poller.modify(sockets.left, for: [.readable, .writable], token: 12)
        #expect(try events(poller) == [12: [.readable, .writable]])
        try poller.remove(sockets.left)
        #expect(try poll(poller).isEmpty)
        #expect(throws: Errno.noSuchFileOrDirectory) { try poller.remove(sockets.left) }
        #expect(throws: Errno.noSuchFileOrDirectory) {
            try poller.modify(sockets.left, for: .readable, token: 1)
        }
    }

    @Test(arguments: Kind.available)
    func aRemovedDescriptorIsReallyClosedByItsClose(kind: Kind) throws {
        let poller = try kind.make()
        for hasNews in [false, true] {
            let sockets = try SocketPair()
            let mine = dup(sockets.left)
            try poller.add(mine, for: [.readable, .writable, .edge], token: 13)
            _ = try events(poller)
            if hasNews { sockets.send(from: sockets.right) }
            // The last descriptor of that end is closed with `mine`.
            sockets.closeLeft()
            try poller.remove(mine)
            close(mine)
            var byte: UInt8 = 0
            let count = recv(sockets.right, &byte, 1, Int32(MSG_DONTWAIT))
            // A reset, if something unread was left.
            #expect(hasNews ? count == -1 && errno == ECONNRESET : count == 0)
        }
    }

    @Test(arguments: Kind.available)
    func aNumberThatIsUsedAgainReportsItsNewOwnerOnly(kind: Kind) throws {
        let poller = try kind.make()
        let old = try SocketPair()
        try poller.add(old.left, for: [.readable, .writable, .edge], token: 14)
        _ = try events(poller)
        old.send(from: old.right)
        try poller.remove(old.left)
        let new = try SocketPair()
        dup2(new.left, old.left)
        try poller.add(old.left, for: .readable, token: 15)
        #expect(try poll(poller).isEmpty)
        new.send(from: new.right)
        #expect(try events(poller) == [15: .readable])
        try poller.remove(old.left)
    }

    @Test(arguments: Kind.available)
    func moreThanFitsIntoOneWaitComesWithTheNext(kind: Kind) throws {
        let poller = try kind.make()
        let pairs = try (0..<400).map { _ in try SocketPair() }
        for (index, pair) in pairs.enumerated() {
            try poller.add(pair.left, for: [.readable, .edge], token: UInt64(index))
            pair.send(from: pair.right)
        }
        #expect(try events(poller, count: 400).count == 400)
        // Removing one while all have events again affects only that one.
        for pair in pairs { pair.send(from: pair.right) }
        try poller.remove(pairs[399].left)
        #expect(Set(try events(poller, count: 399).keys) == Set(0..<399))
        for pair in pairs.dropLast() { try poller.remove(pair.left) }
        #expect(try poll(poller).isEmpty)
    }

    @Test(arguments: Kind.available)
    func whatCannotBeWatchedIsRefused(kind: Kind) throws {
        let poller = try kind.make()
        let file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(null) }
        for descriptor in [file, null] {
            #expect(throws: Errno.notPermitted) { try poller.add(descriptor, for: .readable, token: 1) }
        }
        #expect(throws: Errno.badFileDescriptor) { try poller.add(1_000_000, for: .readable, token: 1) }
    }

    @Test(arguments: Kind.available)
    func aSignalEndsTheWaitAndTimeEndsItToo(kind: Kind) throws {
        let poller = try kind.make()
        let wakeUp = poller.wakeUp
        onForeignThread {
            block(.milliseconds(5))
            wakeUp.signal()
        }
        // A signal of the system ends a wait too, with nothing to report.
        while try poller.wait(timeout: nil) == 0 {}
        #expect(poller.event(at: 0).token == .max)
        wakeUp.signal()
        wakeUp.signal()
        #expect(try events(poller).keys.contains(.max))
        // A signal of the process, such as one that a child of another test causes, can end any number of the waits
        // early. The others last as long as they should.
        let lastedItsTime = try (0..<1_000).contains { _ in
            let start = ContinuousClock.now
            let found = try poll(poller, timeout: 10_000_000)
            #expect(found.isEmpty)
            return ContinuousClock.now - start >= .milliseconds(10)
        }
        #expect(lastedItsTime)
    }

    @Test(arguments: Kind.available)
    func aLoopMayRunOnOneThreadAfterAnother(kind: Kind) throws {
        let poller = try kind.make()
        let pipe = try Pipe()
        try poller.add(pipe.reader, for: .readable, token: 16)
        #expect(try poll(poller).isEmpty)
        pipe.send()
        // SAFETY: this thread waits for the other.
        nonisolated(unsafe) let lent = poller
        let done = Flag()
        onForeignThread {
            #expect(throws: Never.self) {
                while try lent.wait(timeout: 1_000_000_000) == 0 {}
                #expect(lent.event(at: 0).token == 16)
            }
            done.set()
        }
        done.wait()
        #expect(try events(poller) == [16: .readable])
        try poller.remove(pipe.reader)
    }

    @Test(arguments: Kind.available)
    func nothingIsLeftOpen(kind: Kind) throws {
        _ = try kind.make()
        let before = Process.descriptors
        for _ in 0..<10 {
            let poller = try kind.make()
            let pipe = try Pipe()
            try poller.add(pipe.reader, for: .readable, token: 1)
            _ = try poll(poller)
        }
        #expect(Process.opened(since: before) == [])
    }
}
