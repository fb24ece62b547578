import ArgumentParser
import AsyncIO
import Foundation

/// Downloads files, several at once. Try: `downloader --output /tmp https://example.com/`
@main
struct Downloader: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "downloader", abstract: "Downloads files, several at once.",
        discussion: """
            A file is there when all of it is: until then it has another name, .NAME.part, and what was there before \
            stays. On a terminal, bars show how far the downloads are. The status is 0 if all of them succeeded.
            """)

    @Argument(help: "What to download, by http or https. The URL's last part is the file's name.")
    var urls: [Source]
    @Option(name: .shortAndLong, help: "The directory for the files.") var output = "."
    @Option(help: "A file of certificates to trust, in PEM, beside those that the system trusts.") var ca: String?
    @Option(name: .shortAndLong, help: "How many to download at once.") var jobs = 4
    @Option(help: "How often to try again after a failure that may pass.") var retries = 3
    @Option(help: "How long a server may be silent, in seconds.") var timeout = 30.0

    func validate() throws {
        guard jobs > 0, retries >= 0, timeout > 0 else {
            throw ValidationError("--jobs and --timeout must be positive, --retries not negative.")
        }
        guard Set(urls.map(\.name)).count == urls.count else {
            throw ValidationError("Two URLs end in the same name, and would be written to the same file.")
        }
    }

    func run() throws {
        let areAllThere = try AsyncIO.run {
            let tls = try TLSContext.client()
            if let ca { try tls.trust(file: ca) }
            let stop = try signals(.terminate, .interrupt)
            return try await race(
                { try await downloadAll(tls) },
                {
                    for try await signal in stop { throw ExitCode(128 + signal.rawValue) }
                    return false
                })
        }
        if !areAllThere { throw ExitCode.failure }
    }

    @MainActor private func downloadAll(_ tls: TLSContext) async throws -> Bool {
        let bars = Bars()
        var areAllThere = true
        try await withAsyncTaskGroup(limit: jobs) { group in
            for source in urls {
                try group.createTask {
                    let bar = bars.add(source.name)
                    do {
                        let backoff = Backoff(initial: .milliseconds(500), jitter: 0.5)
                        try await retry(attempts: retries + 1, backoff: backoff, when: mayPass) {
                            try await download(source, tls, bar)
                        }
                        bars.finish(bar, "\(source.name): \(bar.done.formatted(.byteCount(style: .file)))")
                    } catch {
                        if error is CancellationError { throw error }
                        areAllThere = false
                        bars.finish(bar, "\(source.name): failed: \(error)")
                    }
                }
            }
        }
        return areAllThere
    }

    @MainActor private func download(_ source: Source, _ tls: TLSContext, _ bar: Bar) async throws {
        let (file, part) = ("\(output)/\(source.name)", "\(output)/.\(source.name).\(getpid()).part")
        defer { unsafe unlink(part) }
        try await withTimeout(.seconds(timeout)) { limit in
            try await withResponse(to: source.url, tls: tls) { response in
                bar.begin(response.length)
                try await withFile(part, .write) { file in
                    while let bytes = try await response.read() {
                        try await file.write(bytes)
                        bar.advance(by: bytes.count)
                        try limit.reschedule(to: .now + .seconds(timeout))
                    }
                    try await file.sync()
                }
            }
        }
        guard unsafe rename(part, file) == 0 else { throw RuntimeError("\(file) cannot be replaced") }
    }

    private func mayPass(_ error: any Error) -> Bool {
        switch error {
        case let error as HTTPError: error.mayPass
        case let error as OSError: error.isConnectionError
        case let error as TLSError: error.code == .truncated
        default: error is TimeoutError
        }
    }
}
