#if canImport(Testing)
    public import Testing

    extension Network {
        /// Records an issue for each thing that is left: a task, a connection, a listener, a datagram socket, timers that
        /// were set with `callLater` or `callAt`, or open files.
        ///
        /// Call it at the end of a test, when the programs should have ended.
        public func assertNoLeaks(sourceLocation: SourceLocation = #_sourceLocation) {
            for leak in leaks { Issue.record(Comment(rawValue: leak), sourceLocation: sourceLocation) }
        }
    }
#endif
