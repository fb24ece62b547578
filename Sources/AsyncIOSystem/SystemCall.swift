internal import CShims
internal import Glibc
internal import SystemPackage

// # Calls of the C library
//
// errno says why a call has failed, until the next call. So each of these functions makes one call and reads errno at
// once. The closure only makes the call; the arguments are prepared before it.

/// Makes a call, and throws its error if it fails.
@inline(__always)
@discardableResult
func attempt(_ call: () -> Int32) throws(Errno) -> Int32 {
    let result = call()
    guard result >= 0 else { throw Errno(rawValue: errno) }
    return result
}

/// Makes a call, repeats it each time a signal interrupts it, and throws its error if it fails.
@inline(__always)
func attemptUninterrupted(_ call: () -> Int) throws(Errno) -> Int {
    while true {
        let result = call()
        if result >= 0 { return result }
        let error = errno
        if error != EINTR { throw Errno(rawValue: error) }
    }
}

/// Makes a call, and returns its result, or -errno if it fails.
@inline(__always)
func outcome(of call: () -> Int32) -> Int32 {
    let result = call()
    return result < 0 ? -errno : result
}

/// Makes a call of a thread that can be interrupted, and returns its result, or -errno if it fails. A signal
/// that other code handles is not a reason to fail. One of ours is.
func interruptibleOutcome(of call: () -> Int) -> Int {
    while true {
        let result = call()
        if result >= 0 { return result }
        let error = errno
        if error != EINTR || asyncio_is_thread_interrupted() { return -Int(error) }
    }
}

/// Closes a descriptor, and returns 0 or -errno. Linux closes it in any case, so this is not repeated, which
/// might close another one.
@discardableResult
package func closeOnce(_ descriptor: Int32) -> Int32 {
    let result = outcome { close(descriptor) }
    return result == -EINTR ? 0 : result
}
