/// Which logical task a Swift task carries: an open-addressed hash table from the
/// Swift task's address, with the latest answer in front.
///
/// It cannot be a variable that the loop sets, since after a foreign wait
/// (`Task.sleep`, say) a job arrives of which the loop does not know whose it is.
/// The address of the running Swift task decides. Children that the user makes with
/// `async let` or a standard task group are not in the table: they have no logical
/// task.
///
/// An entry is made when a carrier starts and removed before it ends, both on the
/// loop's thread, so that an address is never taken for an earlier task's, and a task
/// outlives its entry, whose carrier holds it.
struct CarrierTable {
    private var cached: Slot?
    /// Whether `cached` is in none of the slots: a carrier gets one when another takes its
    /// place in front, which one that ends before never needs.
    private var isCachedOnly = false
    private var slots: [Slot?] = Array(repeating: nil, count: 64)
    private var count = 0

    private struct Slot {
        let carrier: Carrier
        let task: UnretainedTask
    }

    /// The logical task of the Swift task that runs on this thread.
    @inline(__always)
    var current: UnretainedTask? {
        mutating get {
            guard let carrier = Carrier.current else { return nil }
            if let cached, cached.carrier == carrier { return cached.task }
            return lookUp(carrier)
        }
    }

    @inline(never)
    private mutating func lookUp(_ carrier: Carrier) -> UnretainedTask? {
        guard let index = find(carrier), let slot = slots[index] else { return nil }
        putInFront(slot, isCachedOnly: false)
        return slot.task
    }

    /// Remembers what the caller knows already.
    @inline(__always)
    mutating func cache(_ task: UnretainedTask) {
        guard let carrier = task.with({ $0.carrier }), cached?.carrier != carrier else { return }
        putInFront(Slot(carrier: carrier, task: task), isCachedOnly: false)
    }

    mutating func insert(_ carrier: Carrier, _ task: AnyAsyncTask) {
        putInFront(Slot(carrier: carrier, task: UnretainedTask(task)), isCachedOnly: true)
    }

    @inline(__always)
    private mutating func putInFront(_ slot: Slot, isCachedOnly: Bool) {
        if self.isCachedOnly, let cached { store(cached) }
        cached = slot
        self.isCachedOnly = isCachedOnly
    }

    @inline(__always)
    mutating func remove(_ carrier: Carrier) {
        if cached?.carrier == carrier {
            cached = nil
            if isCachedOnly {
                isCachedOnly = false
                return
            }
        }
        clear(carrier)
    }

    @inline(never)
    private mutating func store(_ slot: Slot) {
        if count * 2 >= slots.count { grow() }
        place(slot)
        count += 1
    }

    @inline(never)
    private mutating func clear(_ carrier: Carrier) {
        guard var hole = find(carrier) else { return }
        count -= 1
        // Close the gap, so that no search ends too early.
        var next = following(hole)
        while let moving = slots[next] {
            let home = home(of: moving.carrier)
            if (next &- home) & mask >= (next &- hole) & mask {
                slots[hole] = moving
                hole = next
            }
            next = following(next)
        }
        slots[hole] = nil
    }

    /// All that carry a task, in no order.
    func carriers(of task: AnyAsyncTask) -> [Carrier] {
        ((isCachedOnly ? [cached] : []) + slots).compactMap { slot in
            guard let slot, slot.task.object === task else { return nil }
            return slot.carrier
        }
    }

    // MARK: Hashing

    private var mask: Int { slots.count - 1 }

    private func following(_ index: Int) -> Int { (index + 1) & mask }

    @inline(__always)
    private func home(of carrier: Carrier) -> Int {
        // Addresses are multiples of 16; the multiplication spreads the rest.
        Int(truncatingIfNeeded: ((carrier.bits >> 4) &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
    }

    @inline(__always)
    private func find(_ carrier: Carrier) -> Int? {
        var index = home(of: carrier)
        while let found = slots[index] {
            if found.carrier == carrier { return index }
            index = following(index)
        }
        return nil
    }

    private mutating func place(_ slot: Slot) {
        var index = home(of: slot.carrier)
        while slots[index] != nil { index = following(index) }
        slots[index] = slot
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: nil, count: old.count * 2)
        for case let slot? in old { place(slot) }
    }
}
