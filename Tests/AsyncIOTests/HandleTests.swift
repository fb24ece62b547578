import AsyncIO
import Testing

@Suite struct HandleTests {
    @Test func aCancelledCallbackDoesNotRunThoughItIsQueued() throws {
        try withLoop { loop in
            let log = Log()
            var second: Handle?
            try loop.callSoon { second?.cancel() }
            second = try loop.callSoon { log("cancelled") }
            try loop.callSoon { log("kept") }
            loop.stop()
            try loop.runForever()
            #expect(log.lines == ["kept"])
        }
    }

    @Test func cancellingTwiceIsCancellingOnce() throws {
        try withLoop { loop in
            let handle = try loop.callSoon {}
            #expect(!handle.isCancelled)
            handle.cancel()
            handle.cancel()
            #expect(handle.isCancelled)
        }
    }

    @Test func cancellingLetsGoOfTheCallbackAtOnce() throws {
        try withLoop { loop in
            weak var soon: Witness?
            weak var later: Witness?
            let handles: [Handle]
            do {
                let (first, second) = (Witness(), Witness())
                (soon, later) = (first, second)
                handles = [
                    try loop.callSoon { _ = first }, try loop.callLater(.seconds(1)) { _ = second },
                ]
            }
            #expect(soon != nil && later != nil)
            for handle in handles { handle.cancel() }
            #expect(soon == nil && later == nil)
        }
    }

    @Test func aCallbackIsLetGoOfOnceItRan() throws {
        try withLoop { loop in
            weak var witness: Witness?
            let handle: Handle
            do {
                let object = Witness()
                witness = object
                handle = try loop.callSoon { _ = object }
            }
            loop.stop()
            try loop.runForever()
            #expect(witness == nil)
            #expect(!handle.isCancelled)
        }
    }

    @Test func aCallbackMayCancelItself() throws {
        try withLoop { loop in
            var handle: Handle?
            var runs = 0
            handle = try loop.callSoon {
                handle?.cancel()
                runs += 1
            }
            loop.stop()
            try loop.runForever()
            #expect(runs == 1)
            #expect(handle?.isCancelled == true)
        }
    }
}
