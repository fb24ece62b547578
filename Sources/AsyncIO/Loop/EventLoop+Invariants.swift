// # Invariants
//
// In debug builds, each structure of the loop can check the assumptions that its code makes, for example that a timer
// never comes before its parent in the heap, or that every carrier can be found. The checks run where they cost no more
// than the operation itself, such as after a table has grown, and at the end of each test in virtual time or on its own
// loop. The tests in `Tests/AsyncIOTests/Invariants` run them after each of many random operations.
//
// A release build contains none of these checks.

extension EventLoop {
    /// Stops the program if one of the loop's structures is inconsistent, either internally or with another structure.
    /// In a release build, this method does nothing. Call it only between two steps of the loop.
    ///
    /// - Complexity: O(*n*), where *n* is the number of tasks, timers, entries, and descriptors.
    package func checkInvariants() {
        #if DEBUG
            assertUsable("checkInvariants")
            ready.checkInvariants()
            timers.checkInvariants()
            carriers.checkInvariants()
            tasks.checkInvariants()
            descriptors.checkInvariants()
            checkEntries()
            for task in tasks.all { carriers.checkInvariants(of: task) }
        #endif
    }

    #if DEBUG
        private func checkEntries() {
            var jobs: Set<UInt> = []
            func check(_ job: UnownedJob) {
                // SAFETY: a job is a pointer, which is only compared.
                precondition(jobs.insert(unsafe unsafeBitCast(job, to: UInt.self)).inserted, "no job is queued twice")
            }
            for index in 0..<ready.count {
                switch ready[index] {
                case .wake(let job, let task):
                    check(job)
                    precondition(task?.object.isDone != true, "a task that is woken has not ended")
                case .job(let job): check(job)
                case .handle(let handle):
                    precondition((handle as? TimerHandle)?.sequence ?? 0 == 0, "a timer that is due is not in the heap")
                case .sleep(let sleep): precondition(sleep.sequence == 0, "a sleep that is due is not in the heap")
                case .done(let future, _): precondition(future.isDone, "a queued done callback's future has ended")
                case .threadSafe, .descriptor: break
                }
            }
            for job in runNext { check(job) }
        }
    #endif
}
