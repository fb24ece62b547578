// # Passing on a request to cancel
//
// When a task is asked to cancel, it passes the request on to the future that it waits for, which can be another task,
// or a `gather` of many tasks. Such a chain can be longer than the stack allows. Therefore, the request is passed on in
// a loop: each future in the chain receives the request (`receiveRequest`), returns its `target`s one after another,
// and is notified at the end whether one of them accepted the request (`passedOn`).
//
// As in asyncio, every request is passed on to the end of the chain. At the end of a run, each task in a chain is asked
// to cancel, which would take quadratic time in the length of the chain. Therefore, beyond a certain depth, where
// CPython's recursion would be near its limit, some tasks are not asked again. These are the tasks that have already
// passed a request on in this turn to the future that they are still waiting for.

extension FutureBase {
    /// A future that has received the cancellation request and is passing it on.
    private struct Step {
        let future: FutureBase
        /// The number of targets to which the request has been passed.
        var asked = 0
        var wasAccepted = false
    }

    private static var stepsAsInAsyncio: Int { 32 }

    /// Returns whether this future is a task that has already passed on a request to its awaited future in this turn.
    /// If the task has not done so, this method records that it is now passing on a request.
    private final func hasJustPassedOn() -> Bool {
        guard let task = self as? AnyAsyncTask, !task.isDone, let target = task.waitingOn, let loop = EventLoop.here
        else { return false }
        let pass = FutureExtras.Pass(turn: loop.turns, target: ObjectIdentifier(target))
        if task.latestPass == pass { return true }
        task.latestPass = pass
        return false
    }

    /// Passes on a cancellation request that this future has received. Returns whether the request was accepted.
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
