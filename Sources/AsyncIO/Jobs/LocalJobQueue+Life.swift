internal import AsyncIOSystem
internal import DequeModule

// The life of a job: it is waiting, held, or delayed, then running, and then it ends or starts over.
extension LocalJobQueue {
    /// Makes a job available to workers, or puts it into the queue of its order key.
    func makeReady(_ record: Record) {
        record.due = 0
        tally.waiting += 1
        if let key = record.orderKey, !record.isInLine {
            record.isInLine = true
            lines[key, default: []].append(record)
        }
        if let key = record.orderKey, lines[key]?.first !== record {
            record.state = .held
            return
        }
        record.state = .waiting
        ready[record.priority.rawValue].append(record)
        getters.wake(1)
    }

    func postpone(_ record: Record, until due: Int64) {
        tally.delayed += 1
        record.state = .delayed
        schedule(record, at: due)
    }

    /// Handles a job when its scheduled time has come.
    func timeHasCome(_ record: Record) {
        switch record.state {
        case .delayed:
            tally.delayed -= 1
            makeReady(record)
        case .running: expire(record)
        case .done, .cancelled: if records[record.id] === record { records[record.id] = nil }
        case .waiting, .held, .dead: break
        }
    }

    /// Handles a delivery that was not settled or renewed in time.
    private func expire(_ record: Record) {
        tally.lost += 1
        if record.isCancelRequested { return finish(record, as: .cancelled) }
        if record.attempts >= policy.maxDeliveries {
            record.error = "the worker did not settle the delivery in time"
            return finish(record, as: .dead)
        }
        putFirst(record)
    }

    private func putFirst(_ record: Record) {
        tally.running -= 1
        tally.waiting += 1
        record.state = .waiting
        ready[record.priority.rawValue].prepend(record)
        getters.wake(1)
    }

    /// Returns whether a delivery can be settled. A delivery cannot be settled if the job has been delivered again in
    /// the meantime.
    func isValid(_ record: Record, _ token: Int) -> Bool {
        record.fencingToken == token && (record.state == .running || record.state == .waiting)
    }

    func settle(_ record: Record, _ token: Int, _ action: DeliveryAction) throws {
        guard isValid(record, token) else {
            // A worker repeats the acknowledgment if it does not know whether the first one succeeded.
            if record.fencingToken == token, record.state == .done, case .acknowledge = action { return }
            throw DeliveryLost(id: record.id)
        }
        switch action {
        case .acknowledge(let result):
            record.result = result
            tally.done += 1
            finish(record, as: .done)
        case .reject(let failure): fail(record, failure)
        case .handBack:
            record.attempts -= 1
            record.fencingToken += 1
            if record.state == .running { putFirst(record) }
        case .progress(let fraction): record.progress = fraction
        }
    }

    private func fail(_ record: Record, _ failure: JobFailure) {
        tally.failures += 1
        record.error = failure.message
        if record.isCancelRequested { return finish(record, as: .cancelled) }
        if failure.isFinal || record.attempts >= policy.maxDeliveries { return finish(record, as: .dead) }
        uncount(record)
        let delay = failure.retryDelay ?? policy.backoff.delay(afterFailure: record.attempts, using: &generator)
        postpone(record, until: loopTime.advanced(by: max(.zero, delay)))
    }

    private func uncount(_ record: Record) {
        switch record.state {
        case .waiting, .held: tally.waiting -= 1
        case .delayed: tally.delayed -= 1
        case .running: tally.running -= 1
        case .dead: tally.dead -= 1
        case .done, .cancelled: break
        }
    }

    func finish(_ record: Record, as state: JobState) {
        uncount(record)
        record.state = state
        if let key = record.uniqueKey, unique[key] == record.id { unique[key] = nil }
        leaveLine(record)
        if state == .dead {
            tally.dead += 1
            record.due = 0
            record.deathDate = Calendar.now()
            dead.append(record)
            if dead.count > policy.maxDead { dropOldestDead() }
        } else {
            record.job = nil
            schedule(record, at: loopTime.advanced(by: policy.retention))
        }
        record.end.wake()
        putters.wake(1)
        guard tally.unfinished == 0 else { return }
        joiners.wake()
        if isShutDown { getters.wake() }
    }

    private func leaveLine(_ record: Record) {
        guard let key = record.orderKey, record.isInLine, var line = lines[key] else { return }
        record.isInLine = false
        line.removeAll { $0 === record }
        lines[key] = line.isEmpty ? nil : line
        guard let next = line.first, next.state == .held else { return }
        tally.waiting -= 1
        makeReady(next)
    }

    private func dropOldestDead() {
        tally.dead -= 1
        records[dead.removeFirst().id] = nil
    }
}

/// Returns a random identifier for a job or for the holder of a lease.
package func randomID() -> String {
    var generator = SystemRandomNumberGenerator()
    let digits = Array("0123456789abcdefghjkmnpqrstvwxyz")
    return String((0..<20).map { _ in digits[Int.random(in: 0..<32, using: &generator)] })
}
