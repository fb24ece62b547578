/// The tasks of a group, in the order in which they were created. The group cancels the tasks in this order. Adding or
/// removing a task takes constant time.
struct ChildList {
    final class Child {
        let task: AnyAsyncTask
        fileprivate var next: Child?
        // SAFETY: the value is nil or the previous child, which the list retains.
        @safe fileprivate unowned(unsafe) var previous: Child?

        init(_ task: AnyAsyncTask) { self.task = task }

        deinit {
            // A list that is released as a whole can be long, so this code is iterative.
            var child = next.take()
            while var last = child.take(), isKnownUniquelyReferenced(&last) { child = last.next.take() }
        }
    }

    private var first: Child?
    // SAFETY: the value is nil or the last child, which the list retains through `first`.
    @safe private unowned(unsafe) var last: Child?

    var isEmpty: Bool { first == nil }

    mutating func append(_ task: AnyAsyncTask) -> Child {
        let child = Child(task)
        child.previous = last
        if let last = last { last.next = child } else { first = child }
        last = child
        return child
    }

    mutating func remove(_ child: Child) {
        #if DEBUG
            precondition(contains(child), "a child that is removed is in the list")
        #endif
        let previous = child.previous
        if let next = child.next { next.previous = previous } else { last = previous }
        if let previous { previous.next = child.next } else { first = child.next }
        child.next = nil
        child.previous = nil
    }

    var all: [AnyAsyncTask] {
        var tasks: [AnyAsyncTask] = []
        var child = first
        while let current = child {
            tasks.append(current.task)
            child = current.next
        }
        return tasks
    }
}

#if DEBUG
    extension ChildList {
        /// Stops the program if the list is inconsistent.
        ///
        /// - Complexity: O(*n*), where *n* is the number of children.
        func checkInvariants() {
            var seen: Set<ObjectIdentifier> = []
            var previous: Child?
            var child = first
            while let current = child {
                precondition(seen.insert(ObjectIdentifier(current)).inserted, "no child is in the list twice")
                precondition(current.previous === previous, "each child knows the one before it")
                previous = current
                child = current.next
            }
            precondition(last === previous, "the list knows its last child")
        }

        /// Returns whether the neighbors of `child` refer to it.
        private func contains(_ child: Child) -> Bool {
            let before = child.previous == nil ? first : child.previous?.next
            let after = child.next == nil ? last : child.next?.previous
            return before === child && after === child
        }
    }
#endif
