internal import AsyncIOSystem

extension Worker {
    /// The number of workers.
    public struct Count: Sendable, ExpressibleByIntegerLiteral {
        /// The number of workers, or nil if the body runs in this process without workers.
        let number: Int?

        /// One worker for each processor of the machine.
        public static var cores: Count { Count(Thread.processorCount) }
        /// The body runs in this process, without workers and without a supervisor. Use this value for development, and
        /// on machines that have their own supervisor.
        public static let inProcess = Count(number: nil)

        /// Creates a worker count from a number.
        public init(_ count: Int) { number = count }
        /// Creates a worker count from an integer literal.
        public init(integerLiteral value: Int) { number = value }
        private init(number: Int?) { self.number = number }
    }
}
