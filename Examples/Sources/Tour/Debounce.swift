import AsyncIO

func debounce() async throws {
    var saves = 0
    let save = Debouncer(delay: .seconds(0.5)) {
        saves += 1
        say("Saving")
    }
    for number in 1...5 {
        say("Call \(number)")
        save.call()
        try await sleep(.seconds(0.1))
    }
    try await sleep(.seconds(1))
    say("Saved \(saves) time(s)")
}
