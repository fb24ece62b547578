internal import AsyncIOSystem

extension Worker {
    /// The number of workers.
    public struct Count: Sendable, ExpressibleByIntegerLiteral {
        /// nil if there are no workers and the body runs in this process.
        let number: Int?

        /// One worker for each processor of the machine.
        public static var cores: Count { Count(Thread.processorCount) }
        /// No workers: the body runs in this process, without a supervisor. Use this for development, and on machines
        /// that have their own supervisor.
        public static let inProcess = Count(number: nil)

        /// A fixed number of workers.
        public init(_ count: Int) { number = count }
        /// A fixed number of workers.
        public init(integerLiteral value: Int) { number = value }
        private init(number: Int?) { self.number = number }
    }
}
