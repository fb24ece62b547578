import ArgumentParser
import AsyncIO
import CoreMetrics
import Glibc

/// An echo server whose event loop can be watched. Try:
///
///     metrics-server --port 7000 --metrics-port 7001 &
///     echo hello | nc -q 1 localhost 7000
///     curl localhost:7001/metrics
@main
struct MetricsServer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics-server", abstract: "An echo server that tells how its event loop is doing.",
        discussion: """
            It sends back what it gets on one port. On the other it answers HTTP with its metrics, in the text that \
            Prometheus reads. Once it listens, it prints READY, and in the next lines where. SIGTERM and Ctrl-C end it.
            """)

    @Option(help: "The port to echo on; 0 for a free one.")
    var port = 0

    @Option(help: "The port for the metrics; 0 for a free one.")
    var metricsPort = 0

    @Option(help: ArgumentHelp("How often the metrics are brought up to date.", valueName: "seconds"))
    var every = 1.0

    func validate() throws {
        guard 0...65_535 ~= port, 0...65_535 ~= metricsPort else {
            throw ValidationError("--port and --metrics-port must be from 0 to 65535.")
        }
        guard 0.001...86_400 ~= every else { throw ValidationError("--every must be from 0.001 to 86400 seconds.") }
    }

    func run() throws {
        // Any backend will do: swift-prometheus, swift-otel. This one is a page, to be read.
        let metrics = TextMetrics()
        MetricsSystem.bootstrap(metrics)
        AsyncIO.main {
            let stop = try signals(.terminate, .interrupt)
            let loop = try EventLoop.running
            loop.name = "echo"
            try loop.reportMetrics(every: .seconds(every))

            let echo = try await startServer(host: "127.0.0.1", port: port) { reader, writer in
                for try await line in reader.lines { try await writer.write(line + "\n") }
            }
            let http = try await startServer(host: "127.0.0.1", port: metricsPort) { reader, writer in
                while try await reader.readLine().count > 2 {}
                let text = metrics.text
                try await writer.write(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
                        + "Content-Length: \(text.utf8.count)\r\nConnection: close\r\n\r\n\(text)")
            }
            print("READY\nlistening on \(echo.addresses[0])\nmetrics on \(http.addresses[0])")
            fflush(nil)
            for try await _ in stop { break }
            echo.closeClients()
            try await echo.shutdown(within: .seconds(1))
            try await http.shutdown(within: .seconds(1))
        }
    }
}
