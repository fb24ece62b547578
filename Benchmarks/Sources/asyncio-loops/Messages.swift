import AsyncIO
import Foundation

/// Sends items from four threads and a loop to another loop, which checks that nothing is lost and that the items
/// of each sender are in order.
func mailbox(_ count: Int) throws {
    struct Item {
        let sender: Int
        let number: Int
    }
    let (senders, each) = (5, count / 5)
    let mailbox = Mailbox<Item>(maxSize: 1_024)
    let (from, to) = (try EventLoopThread(name: "from"), try EventLoopThread(name: "to"))
    let measure = Measure()
    let receiving = to.submit { _ in
        var next = Array(repeating: 0, count: senders)
        for _ in 0..<senders * each {
            let item = try await mailbox.get()
            guard item.number == next[item.sender] else { throw ValueError("item \(item) is not the next one") }
            next[item.sender] += 1
        }
    }
    for sender in 1..<senders {
        Thread {
            for number in 0..<each { try? mailbox.putBlocking(Item(sender: sender, number: number)) }
        }.start()
    }
    let sending = from.submit { _ in
        for number in 0..<each { try await mailbox.put(Item(sender: 0, number: number)) }
    }
    try sending.wait()
    try receiving.wait()
    measure.report("mailbox", operations: senders * each)
    for io in [from, to] { try io.close() }
}
