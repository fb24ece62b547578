/// The actor to which code on a loop is isolated by default. On a loop of the process, this is the main actor. On a
/// loop with its own thread, this is the loop's executor.
@safe
@usableFromInline
struct LoopHome {
    private let actor: any Actor

    /// - Precondition: This thread is running the loop of `actor`.
    @unsafe
    init(actor: any Actor) { self.actor = actor }

    /// The actor of the loop that is running on this thread, or nil if no loop is running.
    @usableFromInline
    static var ofThisThread: LoopHome? {
        EventLoop.here.map { unsafe LoopHome(actor: $0.home?.object ?? MainActor.shared) }
    }

    /// Calls `body`, isolated to the actor.
    @usableFromInline
    func assume<T>(_ body: (isolated any Actor) -> T) -> T {
        // SAFETY: isolation is a promise to the compiler, which `init` has checked.
        withoutActuallyEscaping(body) { unsafe unsafeBitCast($0, to: ((any Actor) -> T).self)(actor) }
    }
}
