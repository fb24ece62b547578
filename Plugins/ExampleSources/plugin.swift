import Foundation
import PackagePlugin

/// Embeds the source of a target's examples in the target; see `Plugins/example-sources`.
@main
struct ExampleSources: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let files = (target.sourceModule?.sourceFiles(withSuffix: "swift").map(\.url) ?? [])
            .filter { $0.deletingLastPathComponent().lastPathComponent == "Examples" }
            .sorted { $0.path < $1.path }
        let output = context.pluginWorkDirectoryURL.appendingPathComponent("ExampleSource.swift")
        return [
            .buildCommand(
                displayName: "Embedding the source of the examples in \(target.name)",
                executable: try context.tool(named: "example-sources").url,
                arguments: [output.path] + files.map(\.path), inputFiles: files, outputFiles: [output])
        ]
    }
}
