import CoreMetrics
import Synchronization

/// Stores the latest value of each metric, as text for Prometheus.
nonisolated final class TextMetrics: MetricsFactory {
    private let values = Mutex<[String: Double]>([:])

    var text: String {
        values.withLock { $0 }.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)\n" }.joined()
    }

    /// A metric of any kind. The kind determines which of the methods are called.
    final class Metric: CounterHandler, RecorderHandler, TimerHandler {
        let metrics: TextMetrics
        let name: String

        init(_ metrics: TextMetrics, _ label: String, _ dimensions: [(String, String)]) {
            self.metrics = metrics
            name = "\(label){\(dimensions.map { "\($0)=\"\($1)\"" }.joined(separator: ","))}"
        }

        func set(_ value: Double?) { metrics.values.withLock { $0[name] = value } }
        func increment(by amount: Int64) { metrics.values.withLock { $0[name, default: 0] += Double(amount) } }
        func reset() { set(0) }
        func record(_ value: Int64) { set(Double(value)) }
        func record(_ value: Double) { set(value) }
        func recordNanoseconds(_ duration: Int64) { set(Double(duration) / 1e9) }
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        Metric(self, label, dimensions)
    }
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        Metric(self, label, dimensions)
    }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        Metric(self, label + "_seconds", dimensions)
    }
    func destroyCounter(_ handler: any CounterHandler) { (handler as? Metric)?.set(nil) }
    func destroyRecorder(_ handler: any RecorderHandler) { (handler as? Metric)?.set(nil) }
    func destroyTimer(_ handler: any TimerHandler) { (handler as? Metric)?.set(nil) }
}
