// A task ends only with its body.
// error: value of type 'AsyncTask<Int>' has no member 'setResult'

import AsyncIO

@MainActor func use() throws {
    try createTask { 1 }.setResult(2)
}
