internal import AsyncIO

/// The ways in which ``Network/crash(_:by:)`` can end the program of a simulated host.
public enum Crash: Sendable {
    /// The program is killed, as if by SIGKILL. Afterward, none of its code runs. Its connections are reset, and its
    /// files keep all data that was written to them.
    case kill
    /// The power fails. Afterward, none of the program's code runs. Other hosts are not notified, and get no answers.
    /// Data that was not synced to the disk may be lost.
    case powerFailure
    /// Every task of the program is cancelled, so the program can clean up.
    case cancellation
}

extension Network {
    // MARK: Hosts

    /// Ends the program of a host.
    ///
    /// The tasks of a killed program stay suspended forever, and their memory is not freed. Their `defer` blocks do not
    /// run, nor do the `deinit`s of their objects. A plain Swift task (`Task { }`, `async let`, `withTaskGroup`) that
    /// is not suspended in this library continues until it uses the network. If a program kills its own host, this call
    /// does not return.
    ///
    /// - Parameters:
    ///   - host: The host. If its program has ended or was killed, this method has no effect.
    ///   - crash: How the program ends. With ``Crash/cancellation``, this method waits until the program has ended.
    /// - Throws: `CancellationError` if the calling task is cancelled while it waits; `ValueError` if `host` is the
    ///   host of the test.
    public func crash(_ host: Host, by crash: Crash = .kill) async throws {
        try check(host)
        let run = host.run
        guard !run.isDead else { return }
        switch crash {
        case .cancellation:
            cancelTasks(of: run, "the host is stopped")
            while !run.unfinished(on: loops).isEmpty { try await sleep(.milliseconds(1)) }
            end(run, isSilent: false)
        case .kill, .powerFailure:
            record(.crashed, host)
            let isPowerFailure = crash == .powerFailure
            host.isPoweredOff = isPowerFailure
            if host.isPaused { resume(host) }
            end(run, isSilent: isPowerFailure)
            if isPowerFailure { host.disk.losePower() }
            await waitForever(if: HostRun.current === run)
        }
    }

    /// Starts the program of a host again. If the program is running, it is killed first.
    ///
    /// - Throws: `ValueError` if `host` is the host of the test.
    public func restart(_ host: Host) async throws {
        try await crash(host)
        host.start()
    }

    /// Stops the program of a host, as SIGSTOP does. Its connections stay open, and its operating system still accepts
    /// connections and bytes. A task that was just created still runs until it first waits.
    public func pause(_ host: Host) {
        guard !host.isPaused, host !== testHost else { return }
        host.isPaused = true
        hostsChanged()
        record(.paused, host)
    }

    /// Resumes a program that was stopped with ``pause(_:)``.
    public func resume(_ host: Host) {
        guard host.isPaused else { return }
        host.isPaused = false
        hostsChanged()
        record(.resumed, host)
        for loop in loops { loop.inside { loop.continueHeld() } }
        host.run.continueHeld()
    }

    private func check(_ host: Host) throws(ValueError) {
        if host === testHost { throw ValueError("the host \"test\" runs the test itself and cannot crash") }
    }

    // MARK: Partitions

    /// Cuts the routes between two groups of hosts.
    ///
    /// TCP connections stay open. Bytes that are sent during the partition arrive after it, unless one end gives up
    /// first, which takes about a quarter of an hour. Datagrams are lost.
    ///
    /// - Parameters:
    ///   - a: The hosts in the first group.
    ///   - b: The hosts in the second group. A host in both groups stays connected to itself.
    ///   - isOneWay: Whether `b` can still send to `a`.
    ///   - duration: How long this method waits before it restores the routes, or `nil` to return immediately and leave
    ///     the routes cut until ``heal()`` is called.
    /// - Throws: `CancellationError` if the task is cancelled. In that case, the routes are also restored.
    public func partition(
        _ a: [Host], from b: [Host], isOneWay: Bool = false, for duration: Duration? = nil
    ) async throws {
        let routes = pairs(a, b).flatMap { first, second in
            [route(from: first, to: second)] + (isOneWay ? [] : [route(from: second, to: first)])
        }
        setCut(true, of: routes)
        guard let duration else { return }
        defer { setCut(false, of: routes) }
        try await sleep(duration)
    }

    /// Restores all cut routes.
    public func heal() { setCut(false, of: pairs(hosts, hosts).map { route(from: $0, to: $1) }) }

    func setCut(_ isCut: Bool, of routes: [Route]) {
        for route in routes where route.isCut != isCut {
            route.isCut = isCut
            record(isCut ? .cut : .restored, route.from, route.to)
        }
    }
}
