package import SystemPackage

/// Returns the result of a shim function, or throws an `Errno` if the result is a negative error number.
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
