internal import AsyncIO
internal import CAsyncIOTesting

// The functions that the C code of this module calls on a thread in virtual time.

/// Called when code on the loop would block the loop's thread for some time.
@c(asyncio_testing_pass_time)
func passTime(_ nanoseconds: Int64) { EventLoop.current?.passTime(nanoseconds) }

/// Called when a clock is read on a thread that runs a loop, while threads follow another one.
@c(asyncio_testing_task_follows)
func taskFollows() -> Bool { EventLoop.isOneFollowedByTask }

/// Called for `DispatchQueue.main.asyncAfter`.
@c(asyncio_testing_call_later)
func callLater(_ delay: Int64, _ block: UnsafeMutableRawPointer) {
    // SAFETY: the block is passed on once, to the function that consumes it.
    nonisolated(unsafe) let block = unsafe block
    let submit = { unsafe asyncio_testing_submit_to_main_queue(block) }
    guard let loop = EventLoop.current, (try? loop.callLater(.nanoseconds(delay), submit)) != nil else {
        return submit()
    }
}
