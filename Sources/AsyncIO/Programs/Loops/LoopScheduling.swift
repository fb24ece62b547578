extension EventLoopThread {
    /// How the system schedules the thread of a loop. The choice matters only while no processor is idle.
    ///
    /// Threads and subprocesses that the package starts for the loop do not have this policy.
    ///
    /// asyncio: none; `os.sched_setscheduler` in the loop's thread.
    public struct Scheduling: Hashable, Sendable, CustomStringConvertible {
        private enum Policy: Hashable, Sendable { case normal, batch }
        private let policy: Policy

        /// The default policy of Linux, `SCHED_OTHER`. If an event arrives while no processor is idle, the loop usually
        /// interrupts another thread, and handles the event within microseconds.
        public static let normal = Scheduling(policy: .normal)

        /// A policy for throughput, `SCHED_BATCH`. If an event arrives while no processor is idle, the loop waits until
        /// another thread sleeps or has used its time slice, which takes some milliseconds at most. In the meantime,
        /// more events arrive. The loop handles them together, and the processors switch between threads less often.
        ///
        /// Use this policy for a server whose clients, such as a proxy, run on the same processors. There, it increases
        /// the throughput and reduces the processor time for each request. Do not use it if other threads or programs
        /// compute on all processors and each request must be answered quickly.
        ///
        /// This policy needs no privileges.
        public static let batch = Scheduling(policy: .batch)

        /// The name of the policy: `normal` or `batch`.
        public var description: String { policy == .batch ? "batch" : "normal" }
    }
}
