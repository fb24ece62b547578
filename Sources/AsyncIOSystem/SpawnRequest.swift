internal import CShims
package import SystemPackage

/// The parameters of a child process.
package struct SpawnRequest {
    // Strings are arrays of bytes without a terminating zero.
    package var candidates: [[UInt8]]
    package var arguments: [[UInt8]]
    package var environment: [[UInt8]]
    package var directory: [UInt8]?
    /// Maps descriptors of this process to descriptors of the child.
    package var descriptors: [(source: Int32, target: Int32)] = []
    /// The process group of the child, nil for the parent's group, or 0 for a new group.
    package var processGroup: Int32?
    package var hasNewSession = false
    package var hasTerminal = false
    package var parentDeathSignal: Int32 = 0
    package var umask: Int32 = -1

    package init(candidates: [[UInt8]], arguments: [[UInt8]], environment: [[UInt8]]) {
        self.candidates = candidates
        self.arguments = arguments
        self.environment = environment
    }

    /// The reason why no child was started.
    package struct Failure: Error {
        package enum Step { case cloning, placingDescriptors, enteringDirectory, joiningGroup, executing }
        package let step: Step
        package let code: Errno
    }

    /// Starts the child, and returns when the child executes its program.
    package func spawn() throws(Failure) -> SystemProcess {
        let (files, arguments, environment) = (CStrings(candidates), CStrings(arguments), CStrings(environment))
        let directory = CStrings([directory].compactMap { $0 })
        let sources = descriptors.map(\.source)
        let targets = descriptors.map(\.target)
        var scratch = sources
        var (pid, pidfd, stage) = (Int32(0), Int32(0), Int32(0))
        // SAFETY: everything that the request points to outlives the call, which keeps no pointers.
        // The arrays have `count` elements each.
        let result = unsafe sources.withUnsafeBufferPointer { sources in
            unsafe targets.withUnsafeBufferPointer { targets in
                unsafe scratch.withUnsafeMutableBufferPointer { scratch in
                    var request = unsafe asyncio_spawn_request()
                    unsafe request.candidates = unsafe files.constants
                    unsafe request.arguments = unsafe UnsafePointer(arguments.pointers)
                    unsafe request.environment = unsafe UnsafePointer(environment.pointers)
                    unsafe request.directory = unsafe UnsafePointer(directory.first)
                    unsafe request.sources = sources.baseAddress
                    unsafe request.targets = targets.baseAddress
                    unsafe request.scratch = scratch.baseAddress
                    unsafe request.count = Int32(descriptors.count)
                    unsafe request.process_group = processGroup ?? -1
                    unsafe request.has_new_session = hasNewSession
                    unsafe request.has_terminal = hasTerminal
                    unsafe request.parent_death_signal = parentDeathSignal
                    unsafe request.umask = umask
                    return unsafe asyncio_spawn(&request, &pid, &pidfd, &stage)
                }
            }
        }
        guard result < 0 else { return SystemProcess(pid: pid, pidfd: pidfd) }
        throw Failure(step: Self.step(stage), code: Errno(rawValue: -result))
    }

    private static func step(_ stage: Int32) -> Failure.Step {
        switch stage {
        case Int32(ASYNCIO_SPAWN_CLONE): .cloning
        case Int32(ASYNCIO_SPAWN_DESCRIPTORS): .placingDescriptors
        case Int32(ASYNCIO_SPAWN_DIRECTORY): .enteringDirectory
        case Int32(ASYNCIO_SPAWN_SESSION): .joiningGroup
        default: .executing
        }
    }
}

/// A list of strings in C form: an array of pointers that ends with NULL.
@safe
private final class CStrings {
    // SAFETY: the memory is allocated here, is filled with `count` strings and a NULL, and is freed with the owner.
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ strings: [[UInt8]]) {
        count = strings.count
        unsafe pointers = .allocate(capacity: count + 1)
        for (index, string) in strings.enumerated() {
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: string.count + 1)
            for (position, byte) in string.enumerated() {
                unsafe (copy + position).initialize(to: CChar(bitPattern: byte))
            }
            unsafe (copy + string.count).initialize(to: 0)
            unsafe (pointers + index).initialize(to: copy)
        }
        unsafe (pointers + count).initialize(to: nil)
    }

    var first: UnsafeMutablePointer<CChar>? { unsafe pointers.pointee }

    /// The same list with constant strings.
    var constants: UnsafePointer<UnsafePointer<CChar>?> {
        unsafe UnsafeRawPointer(pointers).assumingMemoryBound(to: UnsafePointer<CChar>?.self)
    }

    deinit {
        for index in 0..<count { unsafe pointers[index]?.deallocate() }
        unsafe pointers.deallocate()
    }
}
