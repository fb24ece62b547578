internal import AsyncIOSystem
internal import Foundation

/// The manual page of the tool. The descriptions of the commands and options come from the tool's help.
/// This file contains only the text that is not part of the help.
struct ManualPage {
    private let tool: Help.Command
    private var lines: [String] = []

    /// - Parameter help: The help in ArgumentParser's JSON form.
    init(of help: String) throws {
        tool = try JSONDecoder().decode(Help.self, from: Data(help.utf8)).command
        write()
    }

    /// The text of the page, with the macros of man(7).
    var text: String { lines.map { $0 + "\n" }.joined() }

    private mutating func write() {
        let name = tool.commandName
        // The page has no date, so that it depends only on the source.
        lines.append(".TH \(name.uppercased()) 1 \"\" \"swift-asyncio \(packageVersion)\" \"User Commands\"")
        section("NAME")
        lines.append("\(name) \\- inspect a running program that uses swift-asyncio")
        section("SYNOPSIS")
        for command in commands {
            lines.append(synopsis(of: command))
            if command.commandName != commands.last?.commandName { lines.append(".br") }
        }
        section("DESCRIPTION")
        paragraph(tool.abstract ?? "")
        if let discussion = tool.discussion { paragraph(discussion) }
        section("COMMANDS")
        for command in commands {
            lines.append(".SS \(bold(command.commandName))")
            paragraph(command.abstract ?? "")
            if let discussion = command.discussion { paragraph(discussion) }
            for argument in arguments(of: command) where !argument.isCommon { option(argument) }
        }
        section("OPTIONS")
        for argument in tool.arguments ?? [] where argument.shouldDisplay { option(argument) }
        lines.append(contentsOf: Self.rest.split(separator: "\n").map(String.init))
    }

    private var commands: [Help.Command] {
        (tool.subcommands ?? []).filter { $0.shouldDisplay && $0.commandName != "help" }
    }

    private func arguments(of command: Help.Command) -> [Help.Argument] {
        (command.arguments ?? []).filter(\.shouldDisplay)
    }

    // MARK: Parts

    private mutating func section(_ title: String) { lines.append(".SH \(title)") }

    private mutating func paragraph(_ text: String) {
        if lines.last?.hasPrefix(".S") == false { lines.append(".PP") }
        lines.append(escaped(text))
    }

    private mutating func option(_ argument: Help.Argument) {
        let value = argument.kind == "option" ? " " + italic(argument.valueName ?? "value") : ""
        let names = (argument.names ?? []).map { bold($0.spelling) + value }
        lines.append(".TP")
        lines.append(argument.kind == "positional" ? italic(argument.valueName ?? "") : names.joined(separator: ", "))
        let standard = argument.defaultValue.map { " The default is \($0)." } ?? ""
        lines.append(escaped((argument.abstract ?? "") + standard))
    }

    private func synopsis(of command: Help.Command) -> String {
        let own = arguments(of: command).filter { !$0.isCommon }
        let options = own.filter { $0.kind != "positional" }.map { option in
            let name = bold((option.names ?? []).map(\.spelling).min { $0.count < $1.count } ?? "")
            return "[" + name + (option.kind == "option" ? " " + italic(option.valueName ?? "value") : "") + "]"
        }
        let values = own.filter { $0.kind == "positional" }.map { italic($0.valueName ?? "") }
        return ([bold("\(tool.commandName) \(command.commandName)")] + options + values).joined(separator: " ")
    }

    // MARK: Text

    private func bold(_ text: String) -> String { "\\fB\(escaped(text))\\fR" }
    private func italic(_ text: String) -> String { "\\fI\(escaped(text))\\fR" }

    private func escaped(_ text: String) -> String {
        let text = text.replacing("\\", with: "\\e").replacing("-", with: "\\-").replacing("\n", with: " ")
        return text.hasPrefix(".") || text.hasPrefix("'") ? "\\&" + text : text
    }

    private static let rest = #"""
        .SH EXIT STATUS
        .TP
        0
        The information was printed.
        .TP
        1
        The program cannot be inspected; a message on standard error says why.
        .TP
        64
        The arguments are wrong.
        .SH ENVIRONMENT
        .TP
        \fBASYNCIO_INSPECT\fR
        In the environment of the program to inspect, 1 allows inspection.
        .TP
        \fBNO_COLOR\fR
        If set, \fBtop\fR uses no colors.
        .TP
        \fBXDG_RUNTIME_DIR\fR
        The directory for the user's sockets. It must be the same for the program and for the tool.
        .SH FILES
        A program that allows inspection listens at \fIPID\fR.socket in the first of these directories that
        it can use:
        .PP
        .nf
        $XDG_RUNTIME_DIR/asyncio
        /run/user/\fIUID\fR/asyncio
        /tmp/asyncio\-\fIUID\fR
        .fi
        .PP
        Only the user can enter the directory.
        .SH EXAMPLES
        List the tasks of a program, with the line at which each of them waits:
        .PP
        .nf
        ASYNCIO_INSPECT=1 ./server &
        asyncio ps $!
        .fi
        .PP
        Show the tree of one event loop of a program that has several:
        .PP
        .nf
        asyncio pstree \-\-loop io 4711
        .fi
        .PP
        Print the names of the tasks that wait in a deadlock:
        .PP
        .nf
        asyncio dump \-\-json 4711 | jq \(aq.loops[] | .deadlocks[]?[] as $id | .tasks[] | select(.id == $id).name\(aq
        .fi
        .SH SEE ALSO
        The guide \(lqDebugging a stuck program\(rq in the documentation of swift\-asyncio.
        """#
}

/// The part of ArgumentParser's description of a tool that the page needs.
private struct Help: Decodable {
    var command: Command

    struct Command: Decodable {
        var commandName: String
        var abstract: String?
        var discussion: String?
        var shouldDisplay: Bool
        var arguments: [Argument]?
        var subcommands: [Command]?
    }

    struct Argument: Decodable {
        /// The kind of argument: `positional`, `option`, or `flag`.
        var kind: String
        var names: [Name]?
        var valueName: String?
        var abstract: String?
        var defaultValue: String?
        var shouldDisplay: Bool

        /// Whether every command has this argument.
        var isCommon: Bool { names?.contains { $0.name == "help" || $0.name == "version" } == true }
    }

    struct Name: Decodable {
        /// The kind of name, such as `long` or `short`.
        var kind: String
        var name: String

        var spelling: String { (kind == "short" ? "-" : "--") + name }
    }
}
