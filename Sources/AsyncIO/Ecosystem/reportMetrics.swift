#if Metrics
    public import CoreMetrics
    internal import AsyncIOSystem

    // The loop counts, in plain integers, whether somebody reports or not; a timer of the loop
    // hands the counts over. What costs a look at the clock (how long a turn takes) is looked at
    // while there is a report only.

    extension EventLoop {
        /// Reports how the loop is doing to swift-metrics, each time `interval` has passed, until
        /// the loop is closed. There with the package's trait `Metrics`.
        ///
        /// All have the dimension `loop`, which is the loop's ``name`` when this is called.
        ///
        /// | label | kind | |
        /// |---|---|---|
        /// | `asyncio_loop_lag` | timer | how late the latest timer of the interval fired |
        /// | `asyncio_turn_time` | timer | how long the longest turn of the interval took, without its sleep |
        /// | `asyncio_busy` | gauge | which part of the interval the loop did not sleep, from 0 to 1 |
        /// | `asyncio_ready` | gauge | how many entries the longest ready queue of the interval had |
        /// | `asyncio_tasks` | gauge | tasks alive |
        /// | `asyncio_timers` | gauge | timers that have not fired |
        /// | `asyncio_connections` | gauge | sockets that are connected |
        /// | `asyncio_turns` | counter | turns |
        /// | `asyncio_received_bytes`, `asyncio_sent_bytes` | counter | what went through sockets and pipes |
        /// | `asyncio_stalls` | counter | how often the watchdog found the loop blocked |
        ///
        /// While there is a report, each turn costs two looks at the clock.
        ///
        /// - Parameters:
        ///   - interval: the first report comes when it has passed.
        ///   - factory: where to; nil for the one that `MetricsSystem` was bootstrapped with.
        /// - Returns: what can end the reports. Another call ends those of the one before.
        /// - Throws: ``ValueError`` for an interval that is not positive; ``RuntimeError`` if the
        ///   loop is closed.
        @discardableResult
        public func reportMetrics(
            every interval: Duration = .seconds(10), factory: (any MetricsFactory)? = nil
        ) throws -> MetricsReport {
            guard interval > .zero else { throw ValueError("metrics need an interval above zero, not \(interval)") }
            try checkOpen("reportMetrics")
            metricsReport?.cancel()
            let report = MetricsReport(on: self, every: interval, factory ?? MetricsSystem.factory)
            metricsReport = report
            return report
        }
    }

    /// The reports of a loop's metrics; see ``EventLoop/reportMetrics(every:factory:)``.
    public final class MetricsReport {
        // Loop thread only.

        // SAFETY: used by the loop's timer and in `cancel()`, which the loop calls before it goes
        // and after which ``isOver`` is set.
        @safe private unowned(unsafe) let loop: EventLoop
        private var isOver = false
        private let interval: Duration
        private var due: Int64
        private var timer: TimerHandle?
        private var latest: LoopStatistics
        private var latestTime: Int64

        private let lag, turnTime: CoreMetrics.Timer
        private let busy, ready, tasks, timers, connections: Gauge
        private let turns, received, sent, stalls: Counter

        fileprivate init(on loop: EventLoop, every interval: Duration, _ factory: any MetricsFactory) {
            self.loop = loop
            self.interval = interval
            let dimensions = [("loop", loop.name)]
            func timer(_ name: String) -> CoreMetrics.Timer {
                CoreMetrics.Timer(
                    label: "asyncio_\(name)", dimensions: dimensions, preferredDisplayUnit: .seconds, factory: factory)
            }
            func gauge(_ name: String) -> Gauge {
                Gauge(label: "asyncio_\(name)", dimensions: dimensions, factory: factory)
            }
            func counter(_ name: String) -> Counter {
                Counter(label: "asyncio_\(name)", dimensions: dimensions, factory: factory)
            }
            (lag, turnTime) = (timer("loop_lag"), timer("turn_time"))
            (busy, ready, tasks) = (gauge("busy"), gauge("ready"), gauge("tasks"))
            (timers, connections) = (gauge("timers"), gauge("connections"))
            (turns, stalls) = (counter("turns"), counter("stalls"))
            (received, sent) = (counter("received_bytes"), counter("sent_bytes"))
            latest = loop.statistics
            latestTime = loop.time
            due = loop.time.advanced(by: interval)
            loop.turnTimes.isWanted = true
            loop.lag.takeLongestOfInterval()
            schedule()
        }

        /// Ends the reports; their metrics are taken out of the backend. Calling it again does
        /// nothing.
        public func cancel() {
            guard !isOver else { return }
            isOver = true
            timer?.cancel()
            loop.metricsReport = nil
            loop.turnTimes = TurnTimes()
            for metric in [lag, turnTime] { metric.destroy() }
            for metric in [busy, ready, tasks, timers, connections] { metric.destroy() }
            for metric in [turns, received, sent, stalls] { metric.destroy() }
        }

        private func schedule() {
            timer = loop.schedule(.callback { [unowned self] in report() }, at: due)
        }

        private func report() {
            let statistics = loop.statistics
            let time = loop.time
            let turn = loop.turnTimes.take()
            lag.recordNanoseconds(loop.lag.takeLongestOfInterval())
            turnTime.recordNanoseconds(turn.longest)
            busy.record(min(1, Double(turn.total) / Double(max(1, time - latestTime))))
            ready.record(turn.longestQueue)
            tasks.record(statistics.tasks)
            timers.record(statistics.timers)
            connections.record(statistics.connections)
            turns.increment(by: Int(statistics.turns &- latest.turns))
            received.increment(by: statistics.bytesReceived - latest.bytesReceived)
            sent.increment(by: statistics.bytesSent - latest.bytesSent)
            stalls.increment(by: statistics.stalls - latest.stalls)
            (latest, latestTime) = (statistics, time)
            // A loop that was blocked has missed some.
            repeat { due = due.advanced(by: interval) } while due <= time
            schedule()
        }
    }

    /// How long turns take, while that is wanted. Loop thread only.
    struct TurnTimes {
        var isWanted = false
        private(set) var total: Int64 = 0
        private(set) var longest: Int64 = 0
        private(set) var longestQueue = 0

        /// - Parameters:
        ///   - duration: of the turn, without its sleep.
        ///   - entries: how many it ran.
        mutating func note(_ duration: Int64, entries: Int) {
            total += duration
            longest = max(longest, duration)
            longestQueue = max(longestQueue, entries)
        }

        /// What came since it was last taken.
        mutating func take() -> TurnTimes {
            defer { self = TurnTimes(isWanted: isWanted) }
            return self
        }
    }
#endif
