// # A request to cancel, on its way
//
// A task that is asked to cancel asks what it waits for, which may be a task again, or a `gather`
// with many. Such a chain is as long as the program makes it, and longer than a stack. So the
// request is handed along by a loop: each of those on its way has `receiveRequest`, names its
// `target`s one after the other, and hears at the end whether one of them took it (`passedOn`).
//
// As in asyncio, every request goes all the way. At the end of a run each task of a chain is asked,
// which would take the square of its length. So beyond some steps, where CPython's recursion
// would be near its end, a task that has passed a request on in this turn, to what it still
// waits for, is not asked to again.

extension FutureBase {
    /// One that has received the request, and is passing it on.
    private struct Step {
        let future: FutureBase
        /// How many of its targets were asked.
        var asked = 0
        var wasAccepted = false
    }

    private static var stepsAsInAsyncio: Int { 32 }

    /// Whether it is a task that has passed a request on in this turn already, to what it waits
    /// for now; notes that it does if not.
    private final func hasJustPassedOn() -> Bool {
        guard let task = self as? AnyAsyncTask, !task.isDone, let target = task.waitingOn, let loop = EventLoop.here
        else { return false }
        let pass = FutureExtras.Pass(turn: loop.turns, target: ObjectIdentifier(target))
        if task.latestPass == pass { return true }
        task.latestPass = pass
        return false
    }

    /// Passes a request on that this one has received.
    final func passRequestOn(_ message: String?) -> Bool {
        var steps = [Step(future: self)]
        while true {
            let last = steps.count - 1
            if let target = steps[last].future.target(steps[last].asked) {
                steps[last].asked += 1
                if last >= Self.stepsAsInAsyncio, target.hasJustPassedOn() {
                    steps[last].wasAccepted = true
                    continue
                }
                switch target.receiveRequest(message) {
                case true?: steps[last].wasAccepted = true
                case false?: break
                case nil: steps.append(Step(future: target))
                }
                continue
            }
            let step = steps.removeLast()
            let answer = step.future.passedOn(step.wasAccepted, message)
            guard let outer = steps.indices.last else { return answer }
            if answer { steps[outer].wasAccepted = true }
        }
    }
}
