package import SystemPackage

/// Converts a result of the shims, which return -errno for errors, to a thrown `Errno`.
@inline(__always)
package func check(_ result: Int32) throws(Errno) -> Int32 {
    guard result >= 0 else { throw Errno(rawValue: -result) }
    return result
}

@inline(__always)
package func check(_ result: Int) throws(Errno) -> Int {
    guard result >= 0 else { throw Errno(rawValue: Int32(-result)) }
    return result
}
