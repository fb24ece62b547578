// A task's end is its body's.
// error: value of type 'AsyncTask<Int>' has no member 'setResult'

import AsyncIO

@MainActor func use() throws {
    try createTask { 1 }.setResult(2)
}
