import ArgumentParser
import AsyncIO
import Foundation
import HTTP

/// Downloads several files at the same time. Try: `downloader --output /tmp https://example.com/`
@main
struct Downloader: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "downloader", abstract: "Downloads several files at the same time. No file is ever incomplete.")

    @Argument(help: "The http or https URLs. The last part of a URL is the file's name.") var urls: [WebFile]
    @Option(name: .shortAndLong, help: "The directory for the files.") var output = "."
    @Option(help: "A PEM file of certificates to trust, in addition to the system's.") var ca: String?
    @Option(name: .shortAndLong, help: "The maximum number of downloads at the same time.") var jobs = 4
    @Option(help: "How many times to retry after a temporary failure.") var retries = 3
    @Option(help: "How long a server can be silent, in seconds.") var timeout = 30.0

    func validate() throws {
        guard jobs > 0, retries >= 0, 0.001...86_400 ~= timeout else {
            throw ValidationError(
                "--jobs must be at least 1, --retries at least 0, and --timeout in 0.001...86400 seconds")
        }
        guard Set(urls.map(\.name)).count == urls.count else {
            throw ValidationError("two URLs end in the same name and would be written to the same file")
        }
    }

    func run() throws {
        try AsyncIO.run {
            let tls = try TLSContext.client()
            if let ca { try tls.trust(file: ca) }
            try await race(
                { try await downloadAll(tls) },
                {
                    for try await signal in try signals(.terminate, .interrupt) {
                        throw ExitCode(128 + signal.rawValue)
                    }
                })
        }
    }

    @MainActor private func downloadAll(_ tls: TLSContext) async throws {
        let bars = Bars()
        var failures = 0
        let downloads = concurrentMap(urls, limit: jobs, ordered: false) { file in
            do {
                let size = try await retry(attempts: retries + 1, when: mayPass) { try await download(file, tls, bars) }
                bars.finish(file.name, "\(size.formatted(.byteCount(style: .file)))")
            } catch {
                if error is CancellationError { throw error }
                failures += 1
                bars.finish(file.name, "failed: \(error)")
            }
        }
        for try await _ in downloads {}
        if failures > 0 { throw ExitCode.failure }
    }

    @MainActor private func download(_ source: WebFile, _ tls: TLSContext, _ bars: Bars) async throws -> Int {
        try await withTimeout(.seconds(timeout)) { limit in
            try await withResponse(to: source.url, tls: tls) { response in
                try await withReplacement(of: "\(output)/\(source.name)") { file in
                    while let bytes = try await response.read() {
                        try await file.write(bytes)
                        bars.show(source.name, done: file.position, of: response.length)
                        try limit.reschedule(to: .now + .seconds(timeout))
                    }
                    return file.position
                }
            }
        }
    }
}

/// Progress bars for the running downloads, at the bottom of the terminal (if there is one).
final class Bars {
    private var bars: [String: String] = [:]
    private var (drawn, latest) = (0, ContinuousClock.now - .seconds(1))

    func show(_ name: String, done: Int, of total: Int?) {
        let (bar, percent) = (String(repeating: "=", count: 30 * done / max(total ?? 0, done)), 100 * done)
        let share = total.map { "[\(bar.padding(toLength: 30, withPad: " ", startingAt: 0))] \(percent / $0) % of " }
        bars[name] = "\(share ?? "")\((total ?? done).formatted(.byteCount(style: .file)))  \(name)\n"
        if .now - latest > .milliseconds(100) { draw() }
    }

    func finish(_ name: String, _ outcome: String) {
        bars[name] = nil
        draw("\(name): \(outcome)\n")
    }

    private func draw(_ line: String = "") {
        let lines = isatty(STDOUT_FILENO) == 1 ? bars.values.sorted() : []
        let text = (drawn > 0 ? "\u{1B}[\(drawn)A\u{1B}[J" : "") + line + lines.joined()
        FileHandle.standardOutput.write(Data(text.utf8))
        (drawn, latest) = (lines.count, .now)
    }
}
