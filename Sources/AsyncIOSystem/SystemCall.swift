internal import CShims
internal import Glibc
internal import SystemPackage

// # Calls of the C library
//
// errno contains the reason for a failure only until the next call. Therefore, each of these functions makes one call
// and reads errno immediately. The closure only makes the call. The caller prepares the arguments before it.

/// Makes a call, and throws an error if the call fails.
@inline(__always)
@discardableResult
func attempt(_ call: () -> Int32) throws(Errno) -> Int32 {
    let result = call()
    guard result >= 0 else { throw Errno(rawValue: errno) }
    return result
}

/// Makes a call, repeats it whenever a signal interrupts it, and throws an error if the call fails.
@inline(__always)
func attemptUninterrupted(_ call: () -> Int) throws(Errno) -> Int {
    while true {
        let result = call()
        if result >= 0 { return result }
        let error = errno
        if error != EINTR { throw Errno(rawValue: error) }
    }
}

/// Makes a call, and returns its result, or -errno if the call fails.
@inline(__always)
func outcome(of call: () -> Int32) -> Int32 {
    let result = call()
    return result < 0 ? -errno : result
}

/// Makes a call on a thread that can be interrupted, and returns its result, or -errno if the call fails. If this
/// module's own signal interrupts the call, the call fails. If another signal interrupts it, the call is repeated.
func interruptibleOutcome(of call: () -> Int) -> Int {
    while true {
        let result = call()
        if result >= 0 { return result }
        let error = errno
        if error != EINTR || asyncio_is_thread_interrupted() { return -Int(error) }
    }
}

/// Closes a descriptor, and returns 0 or -errno. Linux always closes the descriptor, even if the call fails. The call
/// is not repeated, because that might close another descriptor with the same number.
@discardableResult
package func closeOnce(_ descriptor: Int32) -> Int32 {
    let result = outcome { close(descriptor) }
    return result == -EINTR ? 0 : result
}
