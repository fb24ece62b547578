extension AsyncSubprocess {
    /// The way in which a process ended.
    ///
    /// asyncio: the sign of `Process.returncode`.
    public enum TerminationStatus: Hashable, Sendable, CustomStringConvertible {
        /// The process exited with this status. The status 0 means success.
        case exited(Int32)
        /// A signal ended the process.
        case signaled(ProcessSignal)

        /// Creates a status from a return code.
        ///
        /// - Parameter returnCode: The return code as in asyncio, which is negative for a signal.
        init(returnCode: Int32) {
            self = returnCode < 0 ? .signaled(ProcessSignal(rawValue: -returnCode)) : .exited(returnCode)
        }

        /// Whether the process exited with status 0.
        public var isSuccess: Bool { self == .exited(0) }

        /// The status as text, such as `ended with status 1` or `was ended by SIGKILL`.
        public var description: String {
            switch self {
            case .exited(let status): "ended with status \(status)"
            case .signaled(let signal): "was ended by \(signal)"
            }
        }
    }

    /// The way in which the process ended, or `nil` while ``returnCode`` is `nil`. This property expresses
    /// ``returnCode`` as an enumeration.
    public var terminationStatus: TerminationStatus? { returnCode.map(TerminationStatus.init) }
}

extension SubprocessTransport {
    /// The way in which the process ended, or `nil` while ``returnCode`` is `nil`. This property expresses
    /// ``returnCode`` as an enumeration.
    public var terminationStatus: AsyncSubprocess.TerminationStatus? {
        returnCode.map(AsyncSubprocess.TerminationStatus.init)
    }
}
