public import AsyncIO

/// Something that every home of jobs does in the same way. The tests of `LocalJobQueue` run the scenarios in virtual time,
/// those of `RedisQueue` with a server.
public enum Scenario: String, CaseIterable, Sendable {
    // Taking and ending
    case jobsComeInOrderAndJoiningWaitsForTheirEnd
    case aCancelledReceiverLosesNoJob
    case iteratingEndsWhenEveryJobHasEnded
    case anImmediateShutdownEndsReceivingAtOnce
    case aDeliveryIsSettledOnce
    case whatWasPutInWithTheJobComesWithIt
    // Attempts
    case aJobThatFailsIsTriedAgain
    case aJobThatAlwaysFailsBecomesADeadLetter
    case aFailureCanBeFinal
    case aHandlerChoosesTheDelay
    case aDeadLetterCanBeDropped
    case theOldestDeadLettersAreDropped
    // Deliveries
    case anExpiredDeliveryIsRepeatedAndCannotBeSettled
    case deliveriesThatExpireMakeADeadLetter
    case renewedDeliveriesDoNotExpire
    case aJobHandedBackComesFirstAndDoesNotCount
    case anAcknowledgmentCanBeRepeated
    // Options
    case urgentJobsComeFirst
    case aDelayedJobComesWhenItIsDue
    case aJobWithADateComesAtThatDate
    case aUniqueKeyHasOneJobAtATime
    case puttingAKnownIdentifierAgainHasNoEffect
    case jobsOfAnOrderKeyRunOneAfterTheOther
    case aFullQueueLetsProducersWait
    case aRateLimitsDeliveries
    case mistakesInOptionsAreErrors
    // Management
    case aPausedQueueDeliversNothing
    case jobsThatWaitCanBeCancelled
    case aRunningJobIsCancelledWithItsTask
    case resultsCanBeAwaited
    case missingResultsAreErrors
    case progressCanBeSeen
    case workersAreListed
    case joiningWaitsForTheLastOfManyJobs
    case somethingIsDoneOnce
    // Workers
    case aWorkerRunsAtMostItsLimit
    case aWorkerThatIsCancelledFinishesWithinItsGrace
    case aWorkerThatIsCancelledHandsBackTheRest
    case aWorkerRenewsItsDeliveries

    /// The rules of the queue for the scenario.
    public var policy: JobPolicy {
        var policy = JobPolicy(
            maxDeliveries: 3, backoff: Backoff(initial: .milliseconds(20), factor: 1), maxDead: 3)
        switch self {
        case .anExpiredDeliveryIsRepeatedAndCannotBeSettled, .deliveriesThatExpireMakeADeadLetter,
            .renewedDeliveriesDoNotExpire, .aRunningJobIsCancelledWithItsTask, .aWorkerRenewsItsDeliveries:
            policy.visibility = .milliseconds(600)
        case .aFullQueueLetsProducersWait: policy.maxLength = 2
        case .aRateLimitsDeliveries: policy.rate = .init(5, per: .seconds(1), burst: 2)
        default: break
        }
        return policy
    }

    /// Runs the scenario.
    ///
    /// - Parameter open: Returns a queue object. All of them are for the same jobs.
    public func run<Q: JobQueue>(_ open: () throws -> Q) async throws where Q.Job == String {
        let queue = try open()
        switch self {
        case .jobsComeInOrderAndJoiningWaitsForTheirEnd: try await order(queue)
        case .aCancelledReceiverLosesNoJob: try await cancelledReceiver(queue)
        case .iteratingEndsWhenEveryJobHasEnded: try await iteration(queue)
        case .anImmediateShutdownEndsReceivingAtOnce: try await immediateShutdown(queue)
        case .aDeliveryIsSettledOnce: try await settledOnce(queue)
        case .whatWasPutInWithTheJobComesWithIt: try await context(queue)
        case .aJobThatFailsIsTriedAgain: try await retries(queue)
        case .aJobThatAlwaysFailsBecomesADeadLetter: try await deadLetter(queue)
        case .aFailureCanBeFinal: try await finalFailure(queue)
        case .aHandlerChoosesTheDelay: try await retryDelay(queue)
        case .aDeadLetterCanBeDropped: try await droppedDead(queue)
        case .theOldestDeadLettersAreDropped: try await manyDead(queue)
        case .anExpiredDeliveryIsRepeatedAndCannotBeSettled: try await expiry(queue, try open())
        case .deliveriesThatExpireMakeADeadLetter: try await expiries(queue)
        case .renewedDeliveriesDoNotExpire: try await renewal(queue)
        case .aJobHandedBackComesFirstAndDoesNotCount: try await handBack(queue, try open())
        case .anAcknowledgmentCanBeRepeated: try await repeatedAcknowledgment(queue)
        case .urgentJobsComeFirst: try await priorities(queue)
        case .aDelayedJobComesWhenItIsDue: try await delay(queue)
        case .aJobWithADateComesAtThatDate: try await date(queue)
        case .aUniqueKeyHasOneJobAtATime: try await uniqueness(queue)
        case .puttingAKnownIdentifierAgainHasNoEffect: try await identifiers(queue)
        case .jobsOfAnOrderKeyRunOneAfterTheOther: try await orderKeys(queue)
        case .aFullQueueLetsProducersWait: try await backPressure(queue)
        case .aRateLimitsDeliveries: try await rate(queue)
        case .mistakesInOptionsAreErrors: try await mistakes(queue)
        case .aPausedQueueDeliversNothing: try await pausing(queue, try open())
        case .jobsThatWaitCanBeCancelled: try await cancellation(queue)
        case .aRunningJobIsCancelledWithItsTask: try await cancellationOfRunning(queue)
        case .resultsCanBeAwaited: try await results(queue, try open())
        case .missingResultsAreErrors: try await missingResults(queue)
        case .progressCanBeSeen: try await progress(queue)
        case .workersAreListed: try await listing(queue, try open())
        case .joiningWaitsForTheLastOfManyJobs: try await joining(queue, try open())
        case .somethingIsDoneOnce: try await once(queue)
        case .aWorkerRunsAtMostItsLimit: try await limit(queue)
        case .aWorkerThatIsCancelledFinishesWithinItsGrace: try await grace(queue)
        case .aWorkerThatIsCancelledHandsBackTheRest: try await handingBack(queue, try open())
        case .aWorkerRenewsItsDeliveries: try await longHandler(queue, try open())
        }
    }
}

extension JobQueue {
    /// Receives a job that must be there, or come soon.
    func take(within time: Duration = .seconds(10)) async throws -> Delivery<Job> {
        try await waitFor(timeout: time) { try await self.receive() }
    }

    /// Whether nothing is delivered in a while.
    func deliversNothing(for time: Duration = .milliseconds(150)) async throws -> Bool {
        do {
            try await waitFor(timeout: time) { try await self.receive() }
            return false
        } catch is TimeoutError { return true }
    }
}

/// Cancels a task and waits for its end.
func end(_ task: AsyncTask<Void>) async {
    task.cancel()
    _ = try? await task.value
}
