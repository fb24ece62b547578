import AsyncIO
import AsyncIORedis
import Glibc

// Sends commands to Redis. redis.py runs this and its peers, and compares them.
//
//     redis-bench PORT tasks|pipeline COUNT WIDTH SIZE
//
// `tasks`: WIDTH tasks each send SET and GET in turns, and wait for each reply. `pipeline`: one task sends WIDTH commands
// in one call. COUNT is the number of commands, SIZE that of the value in bytes. Prints a line of JSON.

/// The CPU time that this process has used, in seconds.
func cpuTime() -> Double {
    var usage = rusage()
    // SAFETY: the structure belongs to this function.
    unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
}

func tasks(_ redis: RedisClient, _ count: Int, _ width: Int, _ value: [UInt8]) async throws {
    try await withAsyncTaskGroup { group in
        for number in 0..<width {
            try group.createTask {
                let key = "key:\(number)"
                for _ in 0..<count / width / 2 {
                    try await redis.set(key, value)
                    guard try await redis.get(key) == .bulkString(value) else { throw ValueError("wrong value") }
                }
            }
        }
    }
}

func pipeline(_ redis: RedisClient, _ count: Int, _ width: Int, _ value: [UInt8]) async throws {
    let keys = (0..<width / 2).map { "key:\($0)" }
    for _ in 0..<count / width {
        var commands: [RedisCommand] = []
        commands.reserveCapacity(width)
        for key in keys {
            commands.append(RedisCommand("SET", key, value))
            commands.append(RedisCommand("GET", key))
        }
        let replies = try await redis.send(commands)
        guard replies.count == width, replies[1] == .bulkString(value) else { throw ValueError("wrong value") }
    }
}

let arguments = CommandLine.arguments
guard arguments.count == 6, let port = Int(arguments[1]), let count = Int(arguments[3]), let width = Int(arguments[4]),
    let size = Int(arguments[5]), ["tasks", "pipeline"].contains(arguments[2])
else {
    print("usage: redis-bench PORT tasks|pipeline COUNT WIDTH SIZE")
    exit(64)
}
AsyncIO.main {
    try await withRedis(RedisConfiguration(port: port)) { redis in
        let value = [UInt8](repeating: 0x78, count: size)
        let work = arguments[2] == "tasks" ? tasks : pipeline
        try await work(redis, width * 20, width, value)
        let (wall, cpu) = (ContinuousClock.now, cpuTime())
        try await work(redis, count, width, value)
        let used = cpuTime() - cpu
        let time = (ContinuousClock.now - wall) / .seconds(1)
        print("{\"n\": \(count), \"wall_s\": \(time), \"cpu_s\": \(used)}")
    }
}
