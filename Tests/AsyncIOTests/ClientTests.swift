import AsyncIOTesting
import MainActorClient
import NonsendingClient
import PlainClient
import Testing

/// Modules of every kind: with main-actor isolation by default, and nonisolated with and without
/// the nonsending feature. The functions are the same in all of them; see Tests/Clients.
@Suite(.virtualTime) struct ClientTests {
    enum Client: CaseIterable { case mainActor, nonsending, plain }

    @Test(arguments: Client.allCases) func tasksWork(client: Client) async throws {
        let lines =
            switch client {
            case .mainActor: try await MainActorClient.tasks()
            case .nonsending: try await NonsendingClient.tasks()
            case .plain: try await PlainClient.tasks()
            }
        #expect(lines == ["eager", "creator", "task", "1", "cancelled", "0"])
    }

    @Test(arguments: Client.allCases) func combinatorsWork(client: Client) async throws {
        let lines =
            switch client {
            case .mainActor: try await MainActorClient.combining()
            case .nonsending: try await NonsendingClient.combining()
            case .plain: try await PlainClient.combining()
            }
        #expect(
            lines == [
                "2 text", "[0, 1, 2]", "0 second", "[0, 1, 2]", "3", "2", "2", "0", "[2, 1, 0]", "[0, 1, 2]", "3 0",
                "2", "2",
            ])
    }

    @Test(arguments: Client.allCases) func timeLimitsWork(client: Client) async throws {
        let lines =
            switch client {
            case .mainActor: try await MainActorClient.limiting()
            case .nonsending: try await NonsendingClient.limiting()
            case .plain: try await PlainClient.limiting()
            }
        #expect(
            lines == ["in time", "2 1", "[0, 1, 2]", "expired: false", "too late", "too late again", "1"])
    }

    @Test(arguments: Client.allCases) func groupsWork(client: Client) async throws {
        let lines =
            switch client {
            case .mainActor: try await MainActorClient.grouping()
            case .nonsending: try await NonsendingClient.grouping()
            case .plain: try await PlainClient.grouping()
            }
        #expect(lines == ["child 1", "child 2", "child 3", "1 3", "1 error"])
    }

    @Test(arguments: Client.allCases) func primitivesWork(client: Client) async throws {
        let lines =
            switch client {
            case .mainActor: try await MainActorClient.synchronizing()
            case .nonsending: try await NonsendingClient.synchronizing()
            case .plain: try await PlainClient.synchronizing()
            }
        #expect(lines == ["1", "semaphore", "condition", "event", "1"])
    }

    @Test(arguments: Client.allCases) func queuesWork(client: Client) async throws {
        let lines =
            switch client {
            case .mainActor: try await MainActorClient.queueing()
            case .nonsending: try await NonsendingClient.queueing()
            case .plain: try await PlainClient.queueing()
            }
        #expect(lines == ["0", "1", "2", "1"])
    }

    @Test(arguments: Client.allCases) func threadsWork(client: Client) async throws {
        let lines =
            switch client {
            case .mainActor: try await MainActorClient.threading()
            case .nonsending: try await NonsendingClient.threading()
            case .plain: try await PlainClient.threading()
            }
        #expect(lines == ["6"])
    }

    @Test(arguments: Client.allCases) func generatorsWork(client: Client) async throws {
        let lines =
            switch client {
            case .mainActor: try await MainActorClient.generating()
            case .nonsending: try await NonsendingClient.generating()
            case .plain: try await PlainClient.generating()
            }
        #expect(lines == ["1", "2", "3"])
    }

    @Test(arguments: Client.allCases) func actorsWork(client: Client) async throws {
        let lines =
            switch client {
            case .mainActor: try await MainActorClient.Account().use()
            case .nonsending: try await NonsendingClient.Account().use()
            case .plain: try await PlainClient.Account().use()
            }
        #expect(lines == ["5"])
    }

    @Test(arguments: Client.allCases) func theMainActorsObjectsWork(client: Client) async throws {
        let lines =
            switch client {
            case .mainActor: try await MainActorClient.Window().use()
            case .nonsending: try await NonsendingClient.Window().use()
            case .plain: try await PlainClient.Window().use()
            }
        #expect(lines == ["task", "timeout", "group", "generator"])
    }
}
