/// The behavior that all kinds of transports share.
protocol TransportCore: AnyObject, CustomStringConvertible {
    var loop: EventLoop { get }

    /// Calls the protocol's `connectionMade`.
    func notifyConnectionMade() throws
    /// Starts to pass received data to the protocol.
    func startReading()
    /// Calls `connectionMade`, starts reading, and completes `waiter`, in this order. Each step has its own entry in
    /// the queue, so that no data arrives before `connectionMade` has returned.
    func start(completing waiter: Waiter?)
    func close()
}

extension TransportCore {
    func start(completing waiter: Waiter?) {
        loop.enqueue { [self] in try notifyConnectionMade() }
        loop.enqueue { [self] in startReading() }
        if let waiter { loop.enqueue(completing: waiter) }
    }

    /// Starts the transport, and returns after `connectionMade` has been called. If the task is cancelled, the
    /// transport is closed.
    func startAndWait() async throws {
        let waiter = Waiter(for: "a transport to start")
        start(completing: waiter)
        do {
            try await waiter.wait()
        } catch {
            close()
            throw error
        }
    }

    /// Calls the protocol, and passes its errors to the loop's exception handler, because no caller can receive them.
    func call(_ body: () throws -> Void) {
        do {
            try body()
        } catch {
            loop.handleUncaught(error) {
                loop.callExceptionHandler(
                    ExceptionContext(
                        message: "Exception in callback of a protocol", error: error, subject: description))
            }
        }
    }
}
