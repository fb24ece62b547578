#if canImport(Testing)
    public import Testing

    extension Network {
        /// Records an issue for each item that remains. Items are tasks, connections, listeners, datagram sockets,
        /// timers that were set with `callLater` or `callAt`, and open files.
        ///
        /// Call this method at the end of a test, when the programs should have ended.
        public func assertNoLeaks(sourceLocation: SourceLocation = #_sourceLocation) {
            for leak in leaks { Issue.record(Comment(rawValue: leak), sourceLocation: sourceLocation) }
        }
    }
#endif
