import ArgumentParser
import AsyncIO
import CoreMetrics
import Glibc

/// An echo server that reports metrics of its event loop. Try:
///
///     metrics-server --port 7000 --metrics-port 7001 &
///     echo hello | nc -q 1 localhost 7000
///     curl localhost:7001/metrics
@main
struct MetricsServer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics-server", abstract: "An echo server that reports metrics of its event loop.",
        discussion: """
            On one port, the server sends back what it receives. On the other, it serves its metrics over HTTP, in the \
            text format of Prometheus. When listening, it prints READY and its addresses. SIGTERM and Ctrl-C end it.
            """)

    @Option(help: "The port to echo on; 0 for any free port.")
    var port = 0

    @Option(help: "The port for the metrics; 0 for any free port.")
    var metricsPort = 0

    @Option(help: ArgumentHelp("The time between updates of the metrics.", valueName: "seconds"))
    var every = 1.0

    func validate() throws {
        guard 0...65_535 ~= port, 0...65_535 ~= metricsPort else {
            throw ValidationError("--port and --metrics-port must be in 0...65535, got \(port) and \(metricsPort)")
        }
        guard 0.001...86_400 ~= every else { throw ValidationError("--every must be in 0.001...86400, got \(every)") }
    }

    func run() throws {
        // You can use any backend, such as swift-prometheus or swift-otel. This one is short, so that you can read it.
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
            try await stop.next()
            echo.closeClients()
            try await echo.shutdown(within: .seconds(1))
            try await http.shutdown(within: .seconds(1))
        }
    }
}
