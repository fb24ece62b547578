// Writes notes to a database and observes the changes. GRDB observes the database on its own threads
// and delivers changes on Dispatch's main queue, which the loop serves.
//
//     $ swift run --package-path Examples/Database notes
//     there are 3 notes

import AsyncIO
import GRDB

AsyncIO.main {
    let database = try DatabaseQueue()
    try await database.write { db in
        try db.create(table: "note") { table in
            table.autoIncrementedPrimaryKey("id")
            table.column("text", .text).notNull()
        }
    }

    let counts = Queue<Int>()
    let observation = ValueObservation.tracking { db in
        try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM note") ?? 0
    }
    let watching = observation.start(
        in: database, onError: { print($0) }, onChange: { count in try? counts.putNoWait(count) })

    let writing = createTask {
        for text in ["milk", "bread", "eggs"] {
            try await database.write { db in
                try db.execute(sql: "INSERT INTO note (text) VALUES (?)", arguments: [text])
            }
        }
    }
    // Several changes can be delivered as one.
    while try await counts.get() < 3 {}
    try await writing.value
    watching.cancel()
    print("there are 3 notes")
}
