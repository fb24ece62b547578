package import AsyncIOSystem
package import SystemPackage

/// The disk of a simulated host, whose descriptors are not the system's. Loop thread only.
package protocol SimulatedFiles: AnyObject {
    /// Starts the operation, which may end before this returns.
    func start(_ operation: FileOperation)
    func cancel(_ operation: FileOperation)
    func facts(of descriptor: Int32) throws(Errno) -> FileFacts
    func close(_ descriptor: Int32)
}

/// Passes the requests of a simulated host's program to its disk.
final class SimulatedFileEngine: FileEngine {
    private let files: any SimulatedFiles

    init(_ files: any SimulatedFiles, loop: EventLoop) {
        self.files = files
        super.init(loop: loop)
    }

    override func start(_ operation: FileOperation) throws { files.start(operation) }
    override func cancel(_ operation: FileOperation) { files.cancel(operation) }

    override var usesSystem: Bool { false }
    override func facts(of descriptor: Int32) throws(Errno) -> FileFacts { try files.facts(of: descriptor) }
    override func closeNow(_ descriptor: Int32) { files.close(descriptor) }
}
