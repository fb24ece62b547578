// Standard input, output, and error as streams, whatever they are; see StandardStreamTests.

import AsyncIO
import Glibc

func copy() async throws {
    let input = try openStandardInput()
    let output = try openStandardOutput()
    var count = 0
    while case let bytes = try await input.read(64 * 1024), !bytes.isEmpty {
        count += bytes.count
        try await output.write(bytes)
    }
    // Neither is closed, but nothing may be lost.
    try await openStandardError().write("copied \(count)\n")
}

AsyncIO.main {
    switch CommandLine.arguments.dropFirst().first ?? "" {
    case "copy": try await copy()
    case "lines":
        var count = 0
        for try await line in try openStandardInput().lines where !line.isEmpty { count += 1 }
        print("\(count) lines")
    case "both":
        // Other users of the descriptors still find them blocking.
        let input = try openStandardInput()
        let output = try openStandardOutput()
        try await output.write("written\n")
        let flags = [0, 1].map { fcntl(Int32($0), F_GETFL) & O_NONBLOCK != 0 }
        print("printed", flags)
        fflush(nil)
        try await output.write("written again\n")
        output.close()
        try await output.waitClosed()
        print("printed after close")
        _ = input
    case "twice":
        try await openStandardOutput().write("one\n")
        try await openStandardOutput().write("two\n")
    case "beside":
        // A slow disk or peer does not delay anything else.
        let output = try openStandardOutput()
        let writing = createTask { try await output.write([UInt8](repeating: 120, count: 1_000_000)) }
        var turns = 0
        while !writing.isDone {
            turns += 1
            try await sleep(.milliseconds(1))
        }
        try await openStandardError().write(turns > 0 ? "turned\n" : "stood still\n")
    case "descriptor":
        let reader = try openReader(descriptor: STDIN_FILENO)
        let bytes = try await reader.read()
        let writer = try openWriter(descriptor: STDOUT_FILENO)
        try await writer.write("read \(bytes.count) bytes\n")
        writer.close()
        try await writer.waitClosed()
    default: throw ValueError("no such scenario")
    }
}
