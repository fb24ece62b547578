import AsyncIO
import AsyncIOTesting
import Testing

@testable import chat_rooms

struct ChatTests {
    /// Returns all lines that a member has received.
    func heard(by member: Member) async throws -> [String] {
        member.outbox.close()
        var lines: [String] = []
        for try await line in member.outbox.lines { lines.append(line) }
        return lines
    }

    @Test(.virtualTime) func onlyTheMembersOfARoomHearWhatIsSaidInIt() async throws {
        let chat = Chat()
        let (ann, ben) = (Member("ann"), Member("ben"))
        #expect(chat.enter(ann) && chat.enter(ben))
        chat.hear("hello", from: ann)
        chat.hear("/join kitchen", from: ben)
        chat.hear("is anybody there?", from: ben)
        chat.hear("/who", from: ann)
        #expect(
            try await heard(by: ann) == [
                "* ann is here", "* ben is here", "ann: hello", "* ben goes to kitchen", "* in lobby: ann",
            ])
        #expect(
            try await heard(by: ben) == [
                "* ben is here", "ann: hello", "* ben goes to kitchen", "* ben is here", "ben: is anybody there?",
            ])
    }

    @Test(.virtualTime) func aNameCanBeUsedAgainWhenItsOwnerIsGone() async throws {
        let chat = Chat()
        let ann = Member("ann")
        #expect(chat.enter(ann))
        #expect(!chat.enter(Member("ann")))
        chat.leave(ann)
        #expect(chat.enter(Member("ann")))
    }

    @Test(.virtualTime) func aMemberWhoIsSilentForTenMinutesHasToLeave() async throws {
        let (chat, ann) = (Chat(), Member("ann"))
        #expect(chat.enter(ann))
        let start = try EventLoop.running.now
        let lines = AsyncGenerator<String> { yield in
            try await sleep(.seconds(9 * 60))
            try await yield("still here")
            try await sleep(.seconds(3600))
        }
        try await chat.listen(to: lines, from: ann)
        #expect(try EventLoop.running.now - start == .seconds(19 * 60))
        #expect(
            try await heard(by: ann) == ["* ann is here", "ann: still here", "* you were silent for too long"])
    }

    @Test(.virtualTime) func aMemberWhoReadsTooSlowlyIsDropped() async throws {
        var isDropped = false
        let outbox = Outbox { isDropped = true }
        for number in 1...100 { outbox.add("line \(number)") }
        #expect(!isDropped)
        outbox.add("one too many")
        #expect(isDropped && outbox.lines.isEmpty)
    }
}
