import AsyncIO
public import Foundation
import FoundationNetworking

/// The page, or nil if it does not come in time.
public func page(at url: URL, within limit: Duration) async throws -> Data? {
    do {
        // When time runs out, URLSession throws URLError(.cancelled), which counts as a cancellation.
        return try await withTimeout(limit) { try await URLSession.shared.data(from: url).0 }
    } catch is TimeoutError {
        return nil
    }
}
