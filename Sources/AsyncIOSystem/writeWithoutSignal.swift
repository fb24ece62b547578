internal import CShims
internal import Glibc
internal import SystemPackage

/// Writes like writev(2), but never raises SIGPIPE, regardless of how the process handles this signal.
///
/// There is no MSG_NOSIGNAL for pipes. The kernel sends the signal to the writing thread, so this function blocks the
/// signal during the call, and removes it if it has arrived. Elsewhere, the handling of SIGPIPE does not change.
func writeWithoutSignal(
    _ descriptor: Int32, _ places: UnsafePointer<iovec>?, count: Int
) throws(Errno) -> Int {
    var (pipe, before, pending) = (sigset_t(), sigset_t(), sigset_t())
    // SAFETY: the sets are on this stack. The kernel reads the places and their bytes during the call.
    unsafe sigemptyset(&pipe)
    unsafe sigaddset(&pipe, SIGPIPE)
    unsafe sigpending(&pending)
    let wasPending = unsafe sigismember(&pending, SIGPIPE) != 0
    unsafe pthread_sigmask(SIG_BLOCK, &pipe, &before)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
    do throws(Errno) {
        return try attemptUninterrupted { unsafe writev(descriptor, places, Int32(count)) }
    } catch {
        if error == .brokenPipe, !wasPending {
            var none = timespec()
            while unsafe sigtimedwait(&pipe, nil, &none) < 0, errno == EINTR {}
        }
        throw error
    }
}
