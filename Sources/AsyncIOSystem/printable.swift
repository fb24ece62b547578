/// Text as it can be shown to a person: characters that a terminal would obey, or that change
/// the order or the lines of what is around them, are written as Swift writes them in a literal.
///
/// Names of tasks, and whatever else comes from another process, may hold anything.
package func printable(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isHarmful) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case _ where !isHarmful(scalar): result.unicodeScalars.append(scalar)
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        default: result += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
        }
    }
    return result
}

/// The same for text that is JSON: inside a string it means the same as before.
package func printableJSON(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { isHarmful($0) && $0 != "\n" }) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
        if !isHarmful(scalar) || scalar == "\n" {
            result.unicodeScalars.append(scalar)
        } else {
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
    }
    return result
}

private func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7F }
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: return true
    // Those that join letters or emoji do no harm.
    case .format: return scalar != "\u{200C}" && scalar != "\u{200D}"
    default: return false
    }
}
