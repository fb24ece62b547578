internal import CShims
@_spi(Internal) internal import Runtime

/// A place in the program's code, in words.
package struct CodePlace: Sendable, Hashable {
    /// The function, without its module: `worker(_:)`.
    package var function: String
    /// As the linker knows it; tells the module.
    package var symbol: String
    package var file: String?
    package var line: Int
    /// 0 if the compiler names none: the place is the function as a whole, or the compiler's own.
    package var column = 0
    /// Whether the machine goes on here when something that is awaited has ended.
    package var isAsync: Bool

    /// The executable or shared library that it is in.
    var image = ""

    /// Whether the code is surely not the user's, but the library's own, the toolchain's or the
    /// system's. What is specialised may have the user's code in it.
    var isSystems: Bool {
        if Self.systemsImages.contains(where: image.hasPrefix) { return true }
        let isOthers = Self.systemsSymbols.contains(where: symbol.hasPrefix) || isIn("7AsyncIO")
        return isOthers && !symbol.contains("Tg")
    }

    private static let systemsImages = [
        "libswift", "libFoundation", "lib_Foundation", "libdispatch", "libc.", "ld-linux", "libm.", "libstdc++",
    ]
    /// For programs in which the runtime is linked statically.
    private static let systemsSymbols = ["$ss", "$sSc", "swift_", "_swift_", "_ZN5swift", "_ZNK5swift"]

    /// Whether no person wrote the code.
    package var isCompilersOwn: Bool {
        file?.hasSuffix("<compiler-generated>") == true || file?.contains("/swift-generated-sources/") == true
    }

    /// Whether the place is in the code of a module with this mangled name: `7AsyncIO`, say.
    package func isIn(_ mangledModule: String) -> Bool {
        symbol.hasPrefix("$s" + mangledModule) || symbol.hasPrefix("$S" + mangledModule)
    }
}

/// Addresses of code.
package struct CodeAddresses: Sendable {
    package enum Kind: Sendable {
        /// Where a suspended function goes on.
        case resumePoint
        /// Where a called function returns to.
        case returnAddress
        /// What runs.
        case counter
    }

    package var frames: [(address: UInt, kind: Kind)] = []

    /// The functions that a suspended Swift task is in, innermost first: empty if the memory
    /// is not as expected, which another version of the runtime could bring.
    package init(ofSuspendedTask task: UnsafeRawPointer) {
        let limit = 256
        // SAFETY: the buffer has room for `limit` addresses; the kernel does the reading.
        unsafe withUnsafeTemporaryAllocation(of: UInt.self, capacity: limit) { buffer in
            let count = unsafe asyncio_async_frames(task, buffer.baseAddress.unsafelyUnwrapped, Int32(limit))
            for index in 0..<Int(count) { frames.append((unsafe buffer[index], .resumePoint)) }
        }
    }

    /// What another thread does right now, innermost first; empty if it cannot be told.
    package init(of thread: ThreadPlace) {
        let limit = 128
        // SAFETY: as above.
        unsafe withUnsafeTemporaryAllocation(of: UInt.self, capacity: limit) { buffer in
            var firstAsync: Int32 = -1
            let count = unsafe asyncio_thread_frames(
                thread.raw, buffer.baseAddress.unsafelyUnwrapped, Int32(limit), &firstAsync)
            for index in 0..<Int(count) {
                let kind: Kind =
                    index == 0 ? .counter : firstAsync >= 0 && index >= firstAsync ? .resumePoint : .returnAddress
                frames.append((unsafe buffer[index], kind))
            }
        }
    }

    /// The functions that this thread is in, innermost first.
    @inline(never)
    package init() {
        let limit = 256
        // SAFETY: as above.
        unsafe withUnsafeTemporaryAllocation(of: UInt.self, capacity: limit) { buffer in
            let count = unsafe asyncio_own_frames(buffer.baseAddress.unsafelyUnwrapped, Int32(limit))
            for index in 0..<Int(count) { frames.append((unsafe buffer[index], .returnAddress)) }
        }
    }

    private init(frames: [(address: UInt, kind: Kind)]) { self.frames = frames }

    private mutating func add(_ address: Backtrace.Address, _ kind: Kind) {
        if let address = UInt(address) { frames.append((address, kind)) }
    }

    /// What this thread does, innermost first, and who awaits that.
    @inline(never)
    package static func awaitingHere() -> CodeAddresses {
        var addresses = CodeAddresses(frames: [])
        guard let trace = try? Backtrace.capture(limit: 128, offset: 1) else { return addresses }
        for frame in trace.frames {
            switch frame {
            case .programCounter(let address): addresses.add(address, .counter)
            case .returnAddress(let address): addresses.add(address, .returnAddress)
            case .asyncResumePoint(let address): addresses.add(address, .resumePoint)
            default: break
            }
        }
        return addresses
    }
}

/// A thread, and where its stack is.
package struct ThreadPlace: Sendable {
    fileprivate let raw: asyncio_thread_place

    /// The thread that calls.
    package static var current: ThreadPlace { ThreadPlace(raw: asyncio_this_thread()) }
}

/// Puts names to addresses, by the program's own symbols and debugging information. What
/// was asked for once is remembered.
///
/// The work is done by the toolchain's `Runtime` module, whose way in for addresses is SPI:
/// a later toolchain may need a change here. Without debugging information, there are
/// functions and no lines.
package enum Symbolizer {
    private struct Memory {
        var places: [UInt: [CodePlace]] = [:]
        var images: ImageMap?
    }

    private static let memory = Guarded(Memory())

    /// Innermost first; a function that was inlined is a place of its own.
    package static func places(of addresses: CodeAddresses) -> [CodePlace] {
        memory.withLock { memory in
            let unknown = addresses.frames.filter { memory.places[$0.address] == nil }
            if !unknown.isEmpty { learn(unknown, &memory) }
            return addresses.frames.flatMap { memory.places[$0.address] ?? [] }
        }
    }

    private static func learn(
        _ frames: [(address: UInt, kind: CodeAddresses.Kind)], _ memory: inout Memory
    ) {
        if memory.places.count > 10_000 { memory.places = [:] }
        for frame in frames { memory.places[frame.address] = [] }
        var images = memory.images ?? ImageMap.capture()
        let isMapped = { (address: UInt) in Backtrace.Address(UInt64(address)).map(images.indexOfImage) != nil }
        if memory.images != nil, !frames.allSatisfy({ isMapped($0.address) }) { images = ImageMap.capture() }
        memory.images = images
        // Files and lines are dear: for each address the library reads all of the image's line
        // tables, and once all that was inlined. So names come first, and they only for who is not
        // known to be the library's or the system's own.
        let names = lookUp(frames, images, [])
        let users = frames.filter { frame in names[frame.address]?.contains { !$0.isSystems } ?? false }
        memory.places.merge(names) { $1 }
        let known = lookUp(users, images, .default)
        // A program is mostly built as this library is, and to look again takes its time.
        #if DEBUG
            let found = known
        #else
            let suspended = users.filter { $0.kind == .resumePoint }
            let found = known.merging(statements(at: suspended, known, images)) { $1 }
        #endif
        for (address, places) in found {
            memory.places[address] = places.map { $0.line == 0 ? withLine($0, before: address, images) : $0 }
        }
    }

    /// Where suspended functions go on, if the compiler names only the function's own line there.
    ///
    /// An optimised function begins to go on with instructions of its own frame's, which belong
    /// to no statement. Those that follow clean up after the call that was awaited, and belong to
    /// it: to the functions that were inlined around it, and to the line of the outermost one.
    private static func statements(
        at frames: [(address: UInt, kind: CodeAddresses.Kind)], _ found: [UInt: [CodePlace]], _ images: ImageMap
    ) -> [UInt: [CodePlace]] {
        var rest = frames.compactMap { frame -> (address: UInt, symbol: String)? in
            guard let place = found[frame.address]?.last, place.line > 0, place.column == 0 else { return nil }
            return (frame.address, place.symbol)
        }
        var statements: [UInt: [CodePlace]] = [:]
        for offset in [24, 32, 40, 48] as [UInt] where !rest.isEmpty {
            let probes = lookUp(rest.map { ($0.address + offset, .counter) }, images, .default)
            rest.removeAll { address, symbol in
                // The end of the function.
                guard let places = probes[address + offset], let outermost = places.last, outermost.symbol == symbol
                else { return true }
                guard outermost.line > 0, outermost.column > 0 else { return false }
                statements[address] = places.map {
                    var place = $0
                    place.isAsync = true
                    return place
                }
                return true
            }
        }
        return statements
    }

    private static func lookUp(
        _ frames: [(address: UInt, kind: CodeAddresses.Kind)], _ images: ImageMap,
        _ options: Backtrace.SymbolicationOptions
    ) -> [UInt: [CodePlace]] {
        if frames.isEmpty { return [:] }
        let trace = Backtrace(
            architecture: architecture,
            frames: frames.map { frame -> RichFrame<UInt64> in
                switch frame.kind {
                case .resumePoint: .asyncResumePoint(UInt64(frame.address))
                case .returnAddress: .returnAddress(UInt64(frame.address))
                case .counter: .programCounter(UInt64(frame.address))
                }
            }, images: images)
        var places: [UInt: [CodePlace]] = [:]
        for frame in trace.symbolicated(options: options)?.frames ?? [] {
            guard let address = UInt(frame.captured.originalProgramCounter), let place = place(of: frame)
            else { continue }
            places[address, default: []].append(place)
        }
        return places
    }

    /// Some instructions belong to no line, which the compiler made of several: then the one
    /// before them in the same function tells.
    private static func withLine(_ place: CodePlace, before address: UInt, _ images: ImageMap) -> CodePlace {
        guard place.file?.hasPrefix("/") == true, !place.isCompilersOwn, !place.isIn("7AsyncIO") else { return place }
        // One at a time, since each takes its time.
        for offset in [4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256] as [UInt] {
            for candidate in lookUp([(address - offset, .counter)], images, .default)[address - offset] ?? []
            where candidate.symbol == place.symbol && candidate.file == place.file && candidate.line > 0 {
                var place = place
                place.line = candidate.line
                return place
            }
        }
        return place
    }

    private static func place(of frame: SymbolicatedBacktrace.Frame) -> CodePlace? {
        guard let symbol = frame.symbol, !frame.isSwiftThunk, !symbol.name.hasPrefix("partial apply") else {
            return nil
        }
        let isAsync = if case .asyncResumePoint = frame.captured { true } else { false }
        let location = symbol.sourceLocation
        // The C `main` that the compiler makes for an `async` one has the file, and no line.
        if isMain(symbol.rawName), location?.line == 0 { return nil }
        return CodePlace(
            function: functionName(symbol.name, symbol.rawName), symbol: symbol.rawName, file: location?.path,
            line: location?.line ?? 0, column: location?.column ?? 0,
            isAsync: isAsync || symbol.rawName.hasSuffix("_"), image: symbol.imageName)
    }

    /// The runtime's name for a function, or words for top-level code, for which it has none: it
    /// is "main" or "async_Main", and what is in it is "closure #1 in ".
    private static func functionName(_ name: String, _ symbol: String) -> String {
        if isMain(symbol) || symbol.hasPrefix("async_Main") { return topLevelCode }
        return name.hasSuffix(" in ") ? name + topLevelCode : name
    }

    /// SwiftPM names it after the module.
    private static func isMain(_ symbol: String) -> Bool {
        symbol == "main" || symbol.hasSuffix("_main") && !symbol.hasPrefix("$")
    }

    private static let topLevelCode = "top-level code"

    private static var architecture: String {
        #if arch(arm64)
            "arm64"
        #else
            "x86_64"
        #endif
    }
}
