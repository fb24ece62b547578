package import SystemPackage

/// The shims answer with -errno: turns that into a thrown `Errno`.
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
