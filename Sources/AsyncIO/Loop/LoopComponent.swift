// # Components
//
// The core of the loop manages tasks, timers, descriptors, and items from other threads. Everything else that needs
// state for each loop is a *component*: signals, children, the file engine, open generators, work on threads, sockets,
// the watchdog. A component is created when it is first used, belongs to one loop, and takes part in the life of that
// loop: when a run begins and ends, when nothing is ready and virtual time could jump, and when the loop is closed.
//
// Programs can observe the order in which components close. Therefore, this order does not depend on which component
// was used first. Components close in ascending order of rank.

/// The state of a layer above the kernel, for one loop. This class is used only on the loop's thread.
class LoopComponent {
    unowned let loop: EventLoop

    required init(on loop: EventLoop) { self.loop = loop }

    /// The position of the component in the order of closing. Components with a smaller rank are closed first.
    class var rank: Rank { .none }

    enum Rank: Int { case none, metrics, signals, children, files }

    /// Whether the component expects a report from outside the loop, for example from a thread. While this property is
    /// true, virtual time does not jump, and a loop that has nothing else to do does not count as stalled.
    var isBusy: Bool { false }

    /// Whether another thread may continue a task of the loop, although no thread works for the loop. In virtual time,
    /// the loop waits for the grace period before time jumps.
    var mayBeContinued: Bool { false }

    /// Called before the loop runs, on the thread that will run the loop.
    func runWillBegin() {}
    /// Called after the run has ended.
    func runDidEnd() {}
    /// Called after ``EventLoop/debug`` has changed.
    func debugModeChanged() {}
    /// Called when the loop is closed, after its timers and descriptors have been dropped. Afterwards, nothing runs on
    /// the loop.
    func loopWillClose() {}
}

extension EventLoop {
    /// Returns the loop's component of the given type. Creates the component if it does not exist yet.
    func component<Component: LoopComponent>(_: Component.Type = Component.self) -> Component {
        if let found = existingComponent(Component.self) { return found }
        let new = Component(on: self)
        components.append(new)
        components.sort { type(of: $0).rank.rawValue < type(of: $1).rank.rawValue }
        return new
    }

    /// Returns the loop's component of the given type, or nil if the component does not exist.
    func existingComponent<Component: LoopComponent>(_: Component.Type) -> Component? {
        for component in components where type(of: component) == Component.self {
            // SAFETY: the line above has compared the types.
            return unsafe unsafeDowncast(component, to: Component.self)
        }
        return nil
    }

    /// Whether a component expects a report from outside the loop.
    var isForeignWorkExpected: Bool { components.contains { $0.isBusy } }

    /// Whether another thread may continue a task, although no thread works for the loop.
    var mayBeContinued: Bool { components.contains { $0.mayBeContinued } }
}
