import AsyncIO

/// A connected client.
final class Member {
    let name: String
    var room = "lobby"
    let outbox: Outbox

    init(_ name: String, _ outbox: Outbox = Outbox()) { (self.name, self.outbox) = (name, outbox) }
}

/// The members and their rooms. One thread runs all of this, so it needs no locks.
final class Chat {
    private(set) var members: [Member] = []
    /// Passes what is said on to other processes.
    var relay: ((_ text: String, _ room: String) -> Void)?

    /// Adds a member, unless the name is taken.
    func enter(_ member: Member) -> Bool {
        if members.contains(where: { $0.name == member.name }) { return false }
        members.append(member)
        say("* \(member.name) is here", in: member.room)
        return true
    }

    func leave(_ member: Member) {
        members.removeAll { $0 === member }
        say("* \(member.name) is gone", in: member.room)
    }

    /// Handles a line from a member.
    func hear(_ line: String, from member: Member) {
        let words = line.split(separator: " ")
        switch words.first {
        case nil: break
        case "/join" where words.count == 2:
            say("* \(member.name) goes to \(words[1])", in: member.room)
            member.room = String(words[1])
            say("* \(member.name) is here", in: member.room)
        case "/who":
            let names = members.filter { $0.room == member.room }.map(\.name).sorted()
            member.outbox.add("* in \(member.room): \(names.joined(separator: ", "))")
        case let word? where word.hasPrefix("/"): member.outbox.add("* commands: /join ROOM, /who")
        default: say("\(member.name): \(line)", in: member.room)
        }
    }

    private func say(_ text: String, in room: String) {
        deliver(text, to: room)
        relay?(text, room)
    }

    /// Tells the members who are in a room.
    func deliver(_ text: String, to room: String) {
        for member in members where member.room == room { member.outbox.add(text) }
    }

    /// Ends all conversations, after what has been said is sent.
    func close() {
        for member in members { member.outbox.close() }
    }
}
