internal import AsyncIOSystem
internal import SystemPackage

extension EventLoop {
    // MARK: The user's descriptors

    /// Calls `callback` in each turn of the loop in which `descriptor` is readable. The callback replaces the
    /// descriptor's previous reader. The loop does not take ownership of the descriptor. Remove the reader before you
    /// close the descriptor.
    ///
    /// - Parameters:
    ///   - descriptor: The descriptor to watch.
    ///   - callback: A closure that runs on the loop's thread. If the closure throws an error, the loop's exception
    ///     handler is called.
    /// - Throws: ``RuntimeError`` if a connection of this loop owns the descriptor, or if the loop is closed;
    ///   ``ValueError`` if the descriptor is negative; ``OSError`` if the system cannot watch the descriptor, for
    ///   example because the descriptor refers to a regular file.
    ///
    /// asyncio: `loop.add_reader`.
    public func addReader(
        _ descriptor: some FileDescriptorConvertible, _ callback: @escaping () throws -> Void
    ) throws {
        try change(descriptor.number, "addReader") { watch in
            watch.onReadable?.isRemoved = true
            watch.onReadable = WatchCallback(attributed(callback))
        }
    }

    /// Calls `callback` in each turn of the loop in which `descriptor` is writable. The callback replaces the
    /// descriptor's previous writer.
    ///
    /// - Throws: The same errors as ``addReader(_:_:)``.
    ///
    /// asyncio: `loop.add_writer`.
    public func addWriter(
        _ descriptor: some FileDescriptorConvertible, _ callback: @escaping () throws -> Void
    ) throws {
        try change(descriptor.number, "addWriter") { watch in
            watch.onWritable?.isRemoved = true
            watch.onWritable = WatchCallback(attributed(callback))
        }
    }

    /// Removes the reader of a descriptor. The writer is not affected.
    ///
    /// - Returns: Whether the descriptor had a reader. The result is always `false` if the loop is closed.
    /// - Throws: ``RuntimeError`` if a connection of this loop owns the descriptor; ``OSError`` if the system
    ///   refuses the change.
    ///
    /// asyncio: `loop.remove_reader`.
    @discardableResult
    public func removeReader(_ descriptor: some FileDescriptorConvertible) throws -> Bool {
        try remove(descriptor.number, "removeReader") { $0.onReadable.take() }
    }

    /// Removes the writer of a descriptor. The reader is not affected.
    ///
    /// - Returns: Whether the descriptor had a writer. The result is always `false` if the loop is closed.
    /// - Throws: The same errors as ``removeReader(_:)``.
    ///
    /// asyncio: `loop.remove_writer`.
    @discardableResult
    public func removeWriter(_ descriptor: some FileDescriptorConvertible) throws -> Bool {
        try remove(descriptor.number, "removeWriter") { $0.onWritable.take() }
    }

    private func change(_ descriptor: Int32, _ operation: StaticString, _ body: (Watch) -> Void) throws {
        try checkOpen(operation)
        guard descriptor >= 0 else { throw ValueError("\(operation)() needs a valid descriptor, got \(descriptor)") }
        if let watch = descriptors[descriptor] {
            try checkNotOwned(watch, operation)
            let (reader, writer) = (watch.onReadable, watch.onWritable)
            body(watch)
            do {
                try run("watch descriptor \(descriptor)") { () throws(Errno) in
                    try poller.modify(descriptor, for: watch.interest, token: watch.token)
                }
            } catch {
                // Restores the previous state.
                (watch.onReadable, watch.onWritable) = (reader, writer)
                reader?.isRemoved = false
                writer?.isRemoved = false
                throw error
            }
            return
        }
        let watch = descriptors.makeWatch(descriptor, isEdgeTriggered: false)
        body(watch)
        try run("watch descriptor \(descriptor)") { () throws(Errno) in
            try poller.add(descriptor, for: watch.interest, token: watch.token)
        }
        descriptors.insert(watch)
    }

    private func remove(
        _ descriptor: Int32, _ operation: StaticString, _ take: (Watch) -> WatchCallback?
    ) throws -> Bool {
        assertUsable(operation)
        guard state != .closed, descriptor >= 0, let watch = descriptors[descriptor] else { return false }
        try checkNotOwned(watch, operation)
        guard let callback = take(watch) else { return false }
        callback.isRemoved = true
        if watch.interest.isEmpty {
            unwatch(watch)
        } else {
            try run("watch descriptor \(descriptor)") { () throws(Errno) in
                try poller.modify(descriptor, for: watch.interest, token: watch.token)
            }
        }
        return true
    }

    /// Adds a reader after `delay`. If adding the reader fails, the method tries again after the same delay, as long as
    /// the reader is still needed. The method does not throw, because each attempt is made after the method has
    /// returned.
    func addReaderLater(
        _ descriptor: Int32, in delay: Duration, while isWanted: @escaping () -> Bool,
        _ callback: @escaping () throws -> Void
    ) {
        schedule(
            .callback { [self] in
                guard isWanted() else { return }
                do {
                    try addReader(descriptor, callback)
                } catch is OSError {
                    addReaderLater(descriptor, in: delay, while: isWanted, callback)
                }
            }, at: time.advanced(by: delay))
    }

    private func checkNotOwned(_ watch: Watch, _ operation: StaticString) throws(RuntimeError) {
        guard watch.isEdgeTriggered else { return }
        throw RuntimeError(
            "\(operation)(): descriptor \(watch.descriptor) is used by a connection of this loop")
    }

    private func run(_ operation: String, _ body: () throws(Errno) -> Void) throws(OSError) {
        do { try body() } catch { throw OSError(error, "cannot \(operation)") }
    }

    // MARK: Waiting for the user's descriptors

    /// Suspends until a user's descriptor is readable. Any number of tasks can wait for the same descriptor.
    func waitReadable(_ descriptor: Int32, _ operation: StaticString) async throws {
        try await wait(for: descriptor, operation, \.readers)
    }

    /// Suspends until a user's descriptor is writable. Any number of tasks can wait for the same descriptor.
    func waitWritable(_ descriptor: Int32, _ operation: StaticString) async throws {
        try await wait(for: descriptor, operation, \.writers)
    }

    private func wait(
        for descriptor: Int32, _ operation: StaticString, _ direction: KeyPath<DescriptorWaits, WaitQueue>
    ) async throws {
        let waits = descriptors[descriptor]?.waits ?? DescriptorWaits()
        defer { updateInterest(of: descriptor, after: waits) }
        try await waits[keyPath: direction].park(
            for: operation, whenJoined: { try change(descriptor, operation) { $0.waits = waits } })
    }

    /// Updates the registration of a descriptor after a task has stopped waiting for the descriptor.
    private func updateInterest(of descriptor: Int32, after waits: DescriptorWaits) {
        // In the meantime, the descriptor may have been closed and its number reused.
        guard let watch = descriptors[descriptor], watch.waits === waits else { return }
        if watch.interest.isEmpty {
            unwatch(watch)
        } else {
            try? poller.modify(descriptor, for: watch.interest, token: watch.token)
        }
    }

    // MARK: Streams' descriptors

    /// Watches the descriptor of a stream until ``unwatch(_:)`` is called.
    func watch(_ descriptor: Int32) throws(Errno) -> Watch {
        let watch = descriptors.makeWatch(descriptor, isEdgeTriggered: true)
        try poller.add(descriptor, for: [.readable, .writable, .edge], token: watch.token)
        descriptors.insert(watch)
        return watch
    }

    /// Checks that this loop does not already use a descriptor.
    ///
    /// - Throws: ``RuntimeError`` if this loop already uses the descriptor.
    func checkUnused(_ descriptor: Int32) throws(RuntimeError) {
        guard let watch = descriptors[descriptor] else { return }
        throw RuntimeError(
            watch.isEdgeTriggered
                ? "descriptor \(descriptor) is used by a connection of this loop"
                : "descriptor \(descriptor) is watched by a server, or for a reader or writer; "
                    + "call close(), removeReader() or removeWriter() first")
    }

    /// Stops watching a descriptor. Call this method before you close the descriptor.
    func unwatch(_ watch: Watch) {
        guard descriptors[watch.descriptor] === watch else { return }
        descriptors.remove(watch)
        try? poller.remove(watch.descriptor)
    }

    // MARK: Events

    /// Records an event that the poller reported, wakes the waiting tasks, and queues the callbacks. Readers are
    /// handled before writers.
    @inline(__always)
    func descriptorIsReady(_ event: PollEvent, among descriptors: DescriptorTable) {
        let isKnown = descriptors.withWatch(token: event.token) { watch in
            if event.isHungUp { watch.isHungUp = true }
            if event.isReadable {
                watch.canRead = true
                watch.wakeReader(on: self)
                watch.waits?.readers.wake()
                queue(watch.onReadable)
            }
            if event.isWritable {
                watch.canWrite = true
                watch.writer?.complete(on: self)
                watch.waits?.writers.wake()
                queue(watch.onWritable)
            }
        }
        if !isKnown, event.token == MainQueueService.token { mainQueueIsReady() }
    }

    /// Queues a descriptor's callback. A callback that is removed before it runs is skipped.
    func queue(_ callback: WatchCallback?) {
        if let callback { ready.append(.descriptor(callback)) }
    }
}
