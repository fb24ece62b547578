/// Bytes that come in at the end and go out at the front. Empty, it holds no memory.
struct ByteBuffer {
    private var storage: [UInt8] = []
    private var head = 0

    var count: Int { storage.count - head }
    var isEmpty: Bool { storage.isEmpty }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        makeRoom()
        unsafe storage.append(contentsOf: bytes)
    }

    mutating func append(_ bytes: ArraySlice<UInt8>) {
        makeRoom()
        storage.append(contentsOf: bytes)
    }

    /// Lets the memory of what went out go before more comes in.
    private mutating func makeRoom() {
        guard head > 4096, head * 2 > storage.count else { return }
        storage.removeFirst(head)
        head = 0
    }

    mutating func takeFirst(_ count: Int) -> [UInt8] {
        if head == 0, count >= storage.count { return storage.take() }
        let bytes = Array(storage[head..<head + min(count, self.count)])
        dropFirst(bytes.count)
        return bytes
    }

    mutating func dropFirst(_ count: Int) {
        head += min(count, self.count)
        if head == storage.count { removeAll() }
    }

    mutating func removeAll() {
        storage = []
        head = 0
    }

    /// The bytes, while `body` runs.
    func withBytes<T, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> T) throws(E) -> T {
        // SAFETY: the pointer is used inside `body` only, and `body` does not change the buffer.
        let result: Result<T, E> = unsafe storage.withUnsafeBytes { bytes in
            do throws(E) {
                return .success(unsafe try body(UnsafeRawBufferPointer(rebasing: bytes[head...])))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Where `separator` begins, at `start` or later.
    func firstIndex(of separator: [UInt8], from start: Int) -> Int? {
        unsafe withBytes { bytes in unsafe bytes.firstIndex(of: separator, from: start) }
    }

    func starts(with prefix: [UInt8], at offset: Int) -> Bool {
        count >= offset + prefix.count
            && storage[(head + offset)...].starts(with: prefix)
    }
}

extension Array {
    /// The array, which is left empty.
    mutating func take() -> [Element] {
        defer { self = [] }
        return self
    }
}

extension UnsafeRawBufferPointer {
    /// Where `separator`, which is not empty, begins, at `start` or later.
    func firstIndex(of separator: [UInt8], from start: Int) -> Int? {
        let last = count - separator.count
        guard start <= last else { return nil }
        if separator.count == 1 { return unsafe firstIndex(of: separator[0], from: start) }
        var index = start
        while let candidate = unsafe firstIndex(of: separator[0], from: index), candidate <= last {
            if unsafe self[candidate..<candidate + separator.count].elementsEqual(separator) { return candidate }
            index = candidate + 1
        }
        return nil
    }
}
