/// Returns text that is safe to display. Characters that control a terminal, or that change the order or the lines of
/// the surrounding text, are replaced with Swift escapes.
///
/// Names of tasks, and other text from another process, can contain any characters.
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

/// Returns JSON text that is safe to display. The strings in the text keep their meaning.
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
    // Characters that join letters or emoji are harmless.
    case .format: return scalar != "\u{200C}" && scalar != "\u{200D}"
    default: return false
    }
}
