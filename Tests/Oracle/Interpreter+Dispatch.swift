extension Interpreter {
    /// Performs steps in order until one returns or throws.
    func perform(_ steps: [Op], _ who: Who) async throws -> Flow {
        for op in steps {
            let flow = try await perform(op, who)
            if flow.isReturn { return flow }
        }
        return .next
    }

    /// The operations that can suspend. All others are plain ones.
    private func perform(_ op: Op, _ who: Who) async throws -> Flow {
        switch op.name {
        case "return": return .returned(op.value("value"))
        case "loop": return try await loop(op, who)
        case "call": try await call(op, who)
        case "try": return try await attempt(op, who)

        case "sleep": try await sleep(op, who)
        case "await": try await awaitRef(op, who)

        case "gather": try await gather(op, who)
        case "wait": try await wait(op, who)
        case "wait_for": try await waitFor(op, who)
        case "shield": try await shield(op, who)
        case "as_completed": try await asCompleted(op, who)

        case "timeout", "timeout_at": return try await timeout(op, who)
        case "taskgroup": return try await taskGroup(op, who)

        case "lock_acquire", "cond_acquire", "sem_acquire": try await acquire(op, who)
        case "lock_with", "cond_with", "sem_with": return try await withAcquired(op, who)
        case "event_wait": try await eventWait(op, who)
        case "cond_wait": try await conditionWait(op, who)
        case "cond_wait_for": try await conditionWaitFor(op, who)
        case "barrier_wait": try await barrierWait(op, who)
        case "barrier_with": return try await withBarrier(op, who)
        case "barrier_reset": try await barrierReset(op, who)
        case "barrier_abort": try await barrierAbort(op, who)

        case "q_put": try await put(op, who)
        case "q_get": try await get(op, who)
        case "q_join": try await join(op, who)

        default: try performPlain(op, who)
        }
        return .next
    }

    /// The operations that never suspend, which are the only ones in callbacks.
    func performPlain(_ op: Op, _ who: Who) throws {
        switch op.name {
        case "log": log(who, "log \(op.text("text"))")
        case "raise": try raise(op, who)
        case "set_var", "add_var": setVariable(op, who)

        case "spawn": spawn(op, who)
        case "cancel": try cancel(op, who)
        case "uncancel": try uncancel(op, who)
        case "cancelling": try cancelling(op, who)
        case "query": try query(op, who)
        case "result": try result(op, who)
        case "exception": try exception(op, who)
        case "set_result": try setResult(op, who)
        case "set_exception": try setException(op, who)
        case "new": try new(op, who)
        case "current": current(who)
        case "all_tasks": everyTask(who)

        case "add_done_callback": addDoneCallback(op, who)
        case "remove_done_callback": try removeDoneCallback(op, who)
        case "call_soon": try callSoon(op, who)
        case "call_later": try callLater(op, who)
        case "call_at": try callAt(op, who)
        case "cancel_handle": try cancelHandle(op, who)
        case "handle_cancelled": try handleCancelled(op, who)

        case "gather_start": gatherStart(op, who)
        case "shield_start": shieldStart(op, who)
        case "reschedule": try reschedule(op, who)
        case "timeout_info": timeoutInfo(op, who)
        case "tg_spawn": try groupSpawn(op, who)
        case "tg_cancel": try groupCancel(op, who)

        case "lock_release", "cond_release", "sem_release": try release(op, who)
        case "lock_locked", "cond_locked", "sem_locked": try locked(op, who)
        case "event_set": try eventSet(op, who)
        case "event_clear": try eventClear(op, who)
        case "event_is_set": try eventIsSet(op, who)
        case "cond_notify": try notify(op, who)
        case "cond_notify_all": try notifyAll(op, who)
        case "barrier_info": barrierInfo(op, who)

        case "q_put_nowait": try putNoWait(op, who)
        case "q_get_nowait": try getNoWait(op, who)
        case "q_task_done": try taskDone(op, who)
        case "q_shutdown": try shutdown(op, who)
        case "q_info": queueInfo(op, who)

        default: malformed("unknown operation \(op.name)")
        }
    }
}
