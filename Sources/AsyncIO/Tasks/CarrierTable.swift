/// A table that finds the AsyncTask that a Swift task carries. The entries are stored in an open-addressed hash table,
/// keyed by the address of the Swift task. The latest entry is stored separately, in front of the hash table.
///
/// The loop cannot simply store the current task in a variable. After a foreign wait, such as `Task.sleep`, the loop
/// receives a job but does not know which task the job belongs to. The address of the running Swift task identifies the
/// AsyncTask. Child tasks that the user creates with `async let` or a standard task group are not in the table, because
/// they have no AsyncTask.
///
/// Most carriers never need a slot in the hash table. The entry of the running carrier is stored in front of the table.
/// A carrier that is suspended in a wait of this library needs no slot, because its wake-up refers to the task. A
/// carrier gets a slot only if another carrier runs while the first carrier is suspended for a different reason, such
/// as a foreign wait or a nested carrier.
///
/// The loop's thread creates an entry when a carrier starts, and removes the entry before the carrier ends. Therefore,
/// an address is never mistaken for the address of an earlier Swift task. An AsyncTask outlives its entry, because the
/// carrier retains the AsyncTask.
struct CarrierTable {
    /// The carrier that is running, or the carrier that ran last.
    private var front: Slot?
    private var frontState = FrontState.stored
    private var slots: [Slot?] = Array(repeating: nil, count: 64)
    private var count = 0

    private enum FrontState {
        /// The carrier has a slot.
        case stored
        /// The carrier has no slot. It gets a slot when another carrier replaces it in front of the table.
        case running
        /// The carrier is suspended. It needs no slot, because its wake-up refers to its task.
        case parked
    }

    private struct Slot {
        let carrier: Carrier
        let task: UnretainedTask
    }

    /// The AsyncTask of the Swift task that is running on this thread.
    @inline(__always)
    var current: UnretainedTask? {
        mutating get {
            guard let carrier = Carrier.current else { return nil }
            if let front, front.carrier == carrier { return front.task }
            return lookUp(carrier)
        }
    }

    @inline(never)
    private mutating func lookUp(_ carrier: Carrier) -> UnretainedTask? {
        guard let index = find(carrier), let slot = slots[index] else { return nil }
        putInFront(slot, .stored)
        return slot.task
    }

    /// Records that the current carrier has suspended, and that its wake-up will call ``wakes(_:)``.
    @inline(__always)
    mutating func parks() {
        if frontState == .running { frontState = .parked }
    }

    /// Records that a task whose innermost carrier is parked is about to run again.
    @inline(__always)
    mutating func wakes(_ task: UnretainedTask) {
        let (carrier, isStored) = task.with { ($0.carrier, $0.isCarrierStored) }
        guard let carrier else { return }
        putInFront(Slot(carrier: carrier, task: task), isStored ? .stored : .running)
    }

    mutating func insert(_ carrier: Carrier, _ task: AnyAsyncTask) {
        putInFront(Slot(carrier: carrier, task: UnretainedTask(task)), .running)
        // This comes last, because the carrier that has left the front can be the same task's outer carrier.
        task.isCarrierStored = false
    }

    @inline(__always)
    private mutating func putInFront(_ slot: Slot, _ state: FrontState) {
        if frontState == .running, let front, front.carrier != slot.carrier { store(front) }
        front = slot
        frontState = state
    }

    @inline(__always)
    mutating func remove(_ carrier: Carrier, of task: AnyAsyncTask) {
        // The outer carrier got a slot when this carrier replaced it at the front.
        task.isCarrierStored = true
        if front?.carrier == carrier {
            front = nil
            let wasStored = frontState == .stored
            frontState = .stored
            if !wasStored { return }
        }
        clear(carrier)
    }

    @inline(never)
    private mutating func store(_ slot: Slot) {
        if count * 2 >= slots.count { grow() }
        place(slot)
        count += 1
        slot.task.with { $0.isCarrierStored = true }
    }

    @inline(never)
    private mutating func clear(_ carrier: Carrier) {
        guard var hole = find(carrier) else { return }
        count -= 1
        // Close the gap, so that no search ends too early.
        var next = following(hole)
        while let moving = slots[next] {
            let home = home(of: moving.carrier.bits)
            if (next &- home) & mask >= (next &- hole) & mask {
                slots[hole] = moving
                hole = next
            }
            next = following(next)
        }
        slots[hole] = nil
        #if DEBUG
            checkSlots(after: hole)
        #endif
    }

    /// Returns all carriers of a task, in no particular order.
    func carriers(of task: AnyAsyncTask) -> [Carrier] {
        var found = slots.compactMap { slot in slot?.task.object === task ? slot?.carrier : nil }
        // The innermost carrier may have no slot.
        if let carrier = task.carrier, !found.contains(carrier) { found.append(carrier) }
        return found
    }

    /// Returns the AsyncTask that a suspended Swift task carries.
    func task(carriedBy bits: UInt) -> AnyAsyncTask? {
        if let front, front.carrier.bits == bits { return front.task.object }
        return find(bits).flatMap { slots[$0]?.task.object }
    }

    /// The carriers whose tasks are waiting for code outside this library. Use this property only while no task or
    /// callback is running.
    var foreignWaits: [Carrier] {
        var found: [Carrier] = []
        if let front, frontState == .running, isForeign(front) { found.append(front.carrier) }
        if count == 0 { return found }
        for case let slot? in slots where isForeign(slot) { found.append(slot.carrier) }
        return found
    }

    private func isForeign(_ slot: Slot) -> Bool {
        slot.task.with { $0.waitingOn == nil && !$0.isDone && $0.carrier == slot.carrier }
    }

    /// Returns all carriers of `tasks`.
    func carriers(of tasks: [AnyAsyncTask]) -> [Carrier] {
        let addresses = Set(tasks.map { UnretainedTask($0).bits })
        return tasks.compactMap(\.carrier)
            + slots.compactMap { slot in slot.flatMap { addresses.contains($0.task.bits) ? $0.carrier : nil } }
    }

    /// The carriers that have slots, grouped by task. Innermost carriers without a slot are not included.
    var stored: [ObjectIdentifier: [Carrier]] {
        var found: [ObjectIdentifier: [Carrier]] = [:]
        for case let slot? in slots { found[ObjectIdentifier(slot.task.object), default: []].append(slot.carrier) }
        return found
    }

    // MARK: Hashing

    private var mask: Int { slots.count - 1 }

    private func following(_ index: Int) -> Int { (index + 1) & mask }

    @inline(__always)
    private func home(of bits: UInt) -> Int {
        // Addresses are multiples of 16. The multiplication distributes the other bits.
        Int(truncatingIfNeeded: ((bits >> 4) &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
    }

    @inline(__always)
    private func find(_ carrier: Carrier) -> Int? { find(carrier.bits) }

    @inline(__always)
    private func find(_ bits: UInt) -> Int? {
        var index = home(of: bits)
        while let found = slots[index] {
            if found.carrier.bits == bits { return index }
            index = following(index)
        }
        return nil
    }

    private mutating func place(_ slot: Slot) {
        var index = home(of: slot.carrier.bits)
        while slots[index] != nil { index = following(index) }
        slots[index] = slot
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: nil, count: old.count * 2)
        for case let slot? in old { place(slot) }
        #if DEBUG
            checkInvariants()
        #endif
    }
}

#if DEBUG
    extension CarrierTable {
        /// Stops the program if the table is inconsistent.
        ///
        /// - Complexity: O(*n*), where *n* is the number of slots.
        func checkInvariants() {
            precondition(
                slots.count >= 64 && slots.count & mask == 0, "the number of slots is a power of two, at least 64")
            precondition(slots.count(where: { $0 != nil }) == count, "the table knows how many of its slots are taken")
            precondition(count * 2 <= slots.count, "at most half of the slots are taken")
            for index in slots.indices { checkSlot(index) }
            guard let front else {
                precondition(frontState == .stored, "without a carrier in front, none waits for a slot")
                return
            }
            switch frontState {
            case .stored:
                let slot = find(front.carrier).flatMap { slots[$0] }
                precondition(slot != nil, "a carrier in front that has a slot is found there")
                precondition(slot?.task.bits == front.task.bits, "a carrier has the same task in front and in its slot")
            case .running, .parked:
                precondition(find(front.carrier) == nil, "a carrier in front that is new or parked has no slot")
            }
        }

        /// Stops the program if `task` incorrectly records whether its innermost carrier has a slot. Do not call this
        /// method while the task is changing its carrier.
        func checkInvariants(of task: AnyAsyncTask) {
            guard let carrier = task.carrier else { return }
            precondition(
                (find(carrier) != nil) == task.isCarrierStored, "a task knows whether its innermost carrier has a slot")
        }

        /// Returns the AsyncTask of `carrier`, which a test creates. The lookup works in the same way as in
        /// ``current``.
        mutating func task(of carrier: Carrier) -> UnretainedTask? {
            if let front, front.carrier == carrier { front.task } else { lookUp(carrier) }
        }

        private func checkSlot(_ index: Int) {
            guard let slot = slots[index] else { return }
            precondition(
                find(slot.carrier) == index, "each carrier is found once, and without a gap after its home slot")
            slot.task.with { task in
                precondition(
                    task.carrier != slot.carrier || task.isCarrierStored,
                    "a task whose innermost carrier has a slot knows that")
                precondition(!task.isDone, "a task that has ended has no carriers")
            }
        }

        /// Checks the entries that a removal may have moved to other slots.
        private func checkSlots(after hole: Int) {
            var index = following(hole)
            while slots[index] != nil {
                checkSlot(index)
                index = following(index)
            }
        }
    }
#endif
