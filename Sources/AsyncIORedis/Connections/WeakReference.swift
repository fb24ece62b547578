/// A reference that does not keep its object alive, for closures of tasks.
//
// A closure with a capture list, such as `[weak self]`, is compiled as a concurrent one, even where the type of a
// parameter is nonsending. On an `EventLoopThread`, it would leave the loop's thread.
final class WeakReference<Object: AnyObject> {
    private(set) weak var object: Object?
    init(_ object: Object) { self.object = object }
}
