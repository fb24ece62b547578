// # A request to cancel, on its way
//
// A task that is asked to cancel asks what it waits for, which may be a task again, or a `gather`
// with many. Such a chain is as long as the program makes it, and longer than a stack. So the
// request is handed along by a loop: each of those on its way has `receiveRequest`, names its
// `target`s one after the other, and hears at the end whether one of them took it (`passedOn`).

extension FutureBase {
    /// One that has received the request, and is passing it on.
    private struct Step {
        let future: FutureBase
        /// How many of its targets were asked.
        var asked = 0
        var wasAccepted = false
    }

    /// Passes a request on that this one has received.
    final func passRequestOn(_ message: String?) -> Bool {
        var steps = [Step(future: self)]
        while true {
            let last = steps.count - 1
            if let target = steps[last].future.target(steps[last].asked) {
                steps[last].asked += 1
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
