// A program whose main actor and executors are Swift's own: nothing of AsyncIO is installed. The argument
// chooses what happens. See EventLoopThreadTests.

guard CommandLine.arguments.count > 1 else { fatalError("usage: loop-thread-program PART") }
switch CommandLine.arguments[1] {
case "everything": try await everything()
case "conveniences": try await conveniences()
case "bodies": try await bodies()
case "page-faults": try await pageFaults()
case "order": try await order()
case "late": try await lateCalls()
case "ends": try await ends()
case "dropped": try await dropped()
case "left": try await left()
case "blocking": try blocking()
case "many": try await many()
case "signals": try await signalsOnTwoLoops()
case "inspected": try await inspected(isBlocked: CommandLine.arguments.contains("blocked"))
case "mailbox": try await mailbox()
case "handover": try await handover()
case "debug": try await sharedQueue()
case "pool": try await waitOnThePool()
default: fatalError("there is no part \(CommandLine.arguments[1])")
}
print("end")
