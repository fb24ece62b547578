#if Metrics
    public import CoreMetrics
    internal import AsyncIOSystem

    // The loop always counts in plain integers, and a timer of the loop reports the counts. Measuring a turn requires
    // reading the clock, so turns are measured only while reports are on.

    extension EventLoop {
        /// Reports the state of the loop to swift-metrics at regular intervals until the loop is closed. This method
        /// requires the package trait `Metrics`.
        ///
        /// Every loop has its own reports. All metrics have the dimension `loop`, with the loop's ``name`` at the time
        /// of this call. By default, each loop has a different name. If your program names its loops, give each loop a
        /// different name, so that the backend can distinguish the metrics of the loops.
        ///
        /// | label | kind | meaning |
        /// |---|---|---|
        /// | `asyncio_loop_lag` | timer | the longest delay of a timer in the interval |
        /// | `asyncio_turn_time` | timer | the longest turn of the interval, not counting its sleep |
        /// | `asyncio_busy` | gauge | the fraction of the interval in which the loop did not sleep, from 0 to 1 |
        /// | `asyncio_ready` | gauge | the largest number of entries in the ready queue in the interval |
        /// | `asyncio_tasks` | gauge | the number of tasks that have not ended |
        /// | `asyncio_timers` | gauge | the number of timers that have not fired |
        /// | `asyncio_connections` | gauge | the number of connected sockets |
        /// | `asyncio_turns` | counter | the number of turns |
        /// | `asyncio_received_bytes`, `asyncio_sent_bytes` | counter | the bytes that went through sockets and pipes |
        /// | `asyncio_stalls` | counter | the number of times that the watchdog found the loop blocked |
        ///
        /// While reports are enabled, each turn reads the clock twice.
        ///
        /// - Parameters:
        ///   - interval: The time before the first report and between reports.
        ///   - factory: The factory for the metrics; `nil` for the factory with which `MetricsSystem` was bootstrapped.
        /// - Returns: A handle that can end the reports. Calling this method again also ends the earlier reports.
        /// - Throws: ``ValueError`` if the interval is not positive; ``RuntimeError`` if the loop
        ///   is closed.
        @discardableResult
        public func reportMetrics(
            every interval: Duration = .seconds(10), factory: (any MetricsFactory)? = nil
        ) throws -> MetricsReport {
            guard interval > .zero else { throw ValueError("interval must be positive, got \(interval)") }
            try checkOpen("reportMetrics")
            let reports = component(MetricsReports.self)
            reports.current?.cancel()
            let report = MetricsReport(on: self, every: interval, factory ?? MetricsSystem.factory)
            reports.current = report
            return report
        }
    }

    /// The current reports of a loop. This class is used only on the loop's thread.
    private final class MetricsReports: LoopComponent {
        var current: MetricsReport?

        override class var rank: Rank { .metrics }

        override func loopWillClose() { current?.cancel() }
    }

    /// The regular reports of a loop's metrics; see ``EventLoop/reportMetrics(every:factory:)``.
    public final class MetricsReport {
        // Loop thread only.

        // SAFETY: used only by the loop's timer and in `cancel()`. The loop calls `cancel()` before
        // it is deallocated, which sets `isOver`.
        @safe private unowned(unsafe) let loop: EventLoop
        private var isOver = false
        private let interval: Duration
        private var due: Int64
        private var timer: TimerHandle?
        private var latest: LoopStatistics
        private var latestTime: Int64
        private let turnTimes = TurnTimes()

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
            loop.addObserver(turnTimes)
            loop.lag.beginInterval()
            schedule()
        }

        /// Ends the reports and removes their metrics from the backend. Further calls have no effect.
        public func cancel() {
            guard !isOver else { return }
            isOver = true
            timer?.cancel()
            loop.existingComponent(MetricsReports.self)?.current = nil
            loop.removeObserver(turnTimes)
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
            let turn = turnTimes.take()
            lag.recordNanoseconds(loop.lag.longestOfInterval)
            loop.lag.beginInterval()
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
            // A loop that was blocked has missed some reports.
            repeat { due = due.advanced(by: interval) } while due <= time
            schedule()
        }
    }

    /// An observer that measures turns. This class is used only on the loop's thread.
    private final class TurnTimes: LoopObserver {
        struct Figures {
            /// The total duration of all turns, in nanoseconds, without the sleep of each turn.
            var total: Int64 = 0
            var longest: Int64 = 0
            var longestQueue = 0
        }

        var observesSteps: Bool { false }

        private var figures = Figures()
        private var start: Int64 = 0

        func turnBegan(on loop: EventLoop, ready: Int) {
            start = SystemClock.now()
            figures.longestQueue = max(figures.longestQueue, ready)
        }

        func turnEnded(on loop: EventLoop) {
            let duration = SystemClock.now() - start
            figures.total += duration
            figures.longest = max(figures.longest, duration)
        }

        /// Returns the figures since the last call.
        func take() -> Figures {
            defer { figures = Figures() }
            return figures
        }
    }
#endif
