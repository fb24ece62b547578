import AsyncIO
import AsyncIOTesting
import Foundation
import Testing

/// Where the package cannot be compiled, the first error says so. These tests compile for other
/// platforms without having their libraries.
@Suite(.eventLoop)
struct PlatformTests {
    nonisolated static let others = [
        "arm64-apple-macosx14", "x86_64-unknown-windows-msvc", "aarch64-unknown-linux-android28",
    ]
    nonisolated static let advice = "work in a Linux container"

    /// The first error of a compiler.
    func firstError(_ compiler: String, _ arguments: [String]) async throws -> String {
        let outcome = try await Program.run(compiler, arguments)
        #expect(outcome.status != 0)
        return outcome.error.split(separator: "\n").map(String.init).first { $0.contains("error: ") } ?? ""
    }

    /// The files of a directory of this package, in the order in which they are compiled.
    func sources(in directory: String, _ suffix: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: packageRoot + "/" + directory)
            .filter { $0.hasSuffix(suffix) }.sorted().map { "\(packageRoot)/\(directory)/\($0)" }
    }

    @Test(.requires(.clang), arguments: others)
    func everyCFileFirstSaysWhatIsSupported(target: String) async throws {
        let directories = ["Sources/CShims", "Tests/Programs/FaultInjection", "Tests/Soak/Memory"]
        let files = try directories.flatMap { try sources(in: $0, ".c") }
        #expect(files.count > 15)
        for file in files {
            let error = try await firstError("clang", arguments(for: file, target: target))
            #expect(error.contains(Self.advice) && error.contains("supports only Linux"), "\(file): \(error)")
        }
    }

    @Test(.requires(.clang)) func anotherCLibraryIsNamed() async throws {
        for file in try sources(in: "Sources/CShims", ".c") {
            let error = try await firstError("clang", arguments(for: file, target: "x86_64-swift-linux-musl"))
            #expect(error.contains("needs the GNU C library"), "\(file): \(error)")
        }
    }

    /// The directories of headers are in the search path of programs that use the library.
    @Test func noHeaderHidesOneOfTheSystems() throws {
        for module in ["CShims", "CAsyncIOMain", "CAsyncIOTesting"] {
            for header in try sources(in: "Sources/\(module)/include", ".h") {
                let name = URL(fileURLWithPath: header).lastPathComponent
                #expect(!FileManager.default.fileExists(atPath: "/usr/include/" + name), "\(header)")
            }
        }
    }

    func arguments(for file: String, target: String) -> [String] {
        let folder = URL(fileURLWithPath: file).deletingLastPathComponent().path
        return ["-target", target, "-nostdlibinc", "-fsyntax-only", "-I", "\(packageRoot)/Sources/CShims/include"]
            + ["-I", "\(folder)/include", file]
    }

    @Test(.requires(.swiftc), arguments: others)
    func theSwiftCompilerFirstSaysWhatIsSupported(target: String) async throws {
        let files = try sources(in: "Sources/AsyncIOSystem", ".swift")
        #expect(files.count > 40)
        // The standard library of the other platform is not there.
        let arguments = ["-frontend", "-typecheck", "-parse-stdlib", "-target", target]
        let error = try await firstError("swiftc", arguments + files)
        #expect(error.contains(Self.advice) && error.contains("supports only Linux"), "\(error)")
    }

    @Test func theContainersAreTheSame() throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: packageRoot + "/.devcontainer/devcontainer.json"))
        let container = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let image = try #require(container["image"] as? String)
        for file in [".github/workflows/ci.yml", "Sources/CShims/include/platform.h"] {
            #expect(try String(contentsOfFile: "\(packageRoot)/\(file)", encoding: .utf8).contains(image), "\(file)")
        }
        let command = try #require(container["postCreateCommand"] as? String)
        #expect(FileManager.default.isExecutableFile(atPath: "\(packageRoot)/\(command)"))
    }

    @Test func theContainerHasTheProgramsThatTestsUse() throws {
        let script = try String(contentsOfFile: packageRoot + "/scripts/install-test-programs.sh", encoding: .utf8)
        let requirements: [Requirement] = [
            .bash, .cc, .curl, .fish, .mandoc, .nginx, .openssl, .python3, .redis, .setpriv, .tmux, .zsh,
        ]
        for requirement in requirements {
            let package = try #require(requirement.description.split(separator: ": ").last).dropLast()
            #expect(script.contains(" \(package)\n"), "\(requirement.description)")
        }
    }
}

/// The directory of this package.
nonisolated let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path
