package import AsyncIOSystem
package import SystemPackage

/// The disk of a simulated host. Its descriptors do not belong to the system. The disk is used only on the loop's
/// thread.
package protocol SimulatedFiles: AnyObject {
    /// Starts the operation, which may end before this method returns.
    func start(_ operation: FileOperation)
    func cancel(_ operation: FileOperation)
    func facts(of descriptor: Int32) throws(Errno) -> FileFacts
    func close(_ descriptor: Int32)
}

/// An engine that passes the requests of a simulated host's program to the host's disk.
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
