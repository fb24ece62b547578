public import AsyncIO
public import Foundation

/// Requests a URL on a new connection and passes the response to `body`. Follows redirects first,
/// except from https to http.
///
/// - Throws: `HTTPError` if the server reports an error or does not speak HTTP; what `body` throws;
///   `OSError`, `ResolveError` or `TLSError` if the connection fails.
@MainActor
public func withResponse<T>(
    to url: URL, tls: TLSContext, redirects: Int = 10, _ body: @MainActor (HTTPResponse) async throws -> T
) async throws -> T {
    let isSecure = url.scheme?.lowercased() == "https"
    guard isSecure || url.scheme?.lowercased() == "http", let host = url.host(), !host.isEmpty else {
        throw HTTPError("expected an http or https URL, got \(url)")
    }
    let (reader, writer) = try await openConnection(
        host: host.trimmingCharacters(in: ["[", "]"]), port: url.port ?? (isSecure ? 443 : 80),
        tls: isSecure ? tls : nil, options: .init(happyEyeballsDelay: .milliseconds(250)))
    defer { writer.close() }
    try await writer.write(request(for: url, host: host))
    let response = try await HTTPResponse(reader)
    switch response.status {
    // The request did not ask for a part.
    case 206: throw HTTPError("the server sent only a part of the file")
    case 200..<300:
        return try await body(response)
    case 301, 302, 303, 307, 308:
        guard let target = URL(string: response.headers["location"] ?? "", relativeTo: url)?.absoluteURL else {
            throw HTTPError("a redirect has no valid target")
        }
        guard redirects > 0 else { throw HTTPError("too many redirects") }
        guard !isSecure || target.scheme?.lowercased() == "https" else {
            throw HTTPError("refused to follow a redirect from https to http: \(target)")
        }
        writer.close()
        return try await withResponse(to: target, tls: tls, redirects: redirects - 1, body)
    case let status:
        throw HTTPError(status: status)
    }
}

private func request(for url: URL, host: String) -> String {
    let path = url.path(percentEncoded: true)
    let query = url.query(percentEncoded: true).map { "?\($0)" } ?? ""
    let name = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
    return """
        GET \(path.isEmpty ? "/" : path)\(query) HTTP/1.1\r
        Host: \(name)\(url.port.map { ":\($0)" } ?? "")\r
        User-Agent: swift-asyncio-example\r
        Accept: */*\r
        Accept-Encoding: identity\r
        Connection: close\r
        \r

        """
}
