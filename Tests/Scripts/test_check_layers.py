"""Tests of scripts/check-layers.py, on packages that do not exist.

    python3 -m unittest discover Tests/Scripts
"""

import importlib.util
import pathlib
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPT = importlib.util.spec_from_file_location("check_layers", ROOT / "scripts" / "check-layers.py")
layers = importlib.util.module_from_spec(SCRIPT)
SCRIPT.loader.exec_module(layers)

# A package without mistakes. Each directory of the table has a file `Some.swift`, unless it is here.
CLEAN = {
    "CShims/include/CShims.h": "int asyncio_now(void); // not swift_task_cancel\n",
    "AsyncIOSystem/Poller.swift": "internal import CShims\npackage protocol Poller {}\n",
    "AsyncIOSystem/Runtime/Symbolizer.swift": "@_spi(Internal) internal import Runtime\n",
    "AsyncIO/Runtime/Executor.swift": "internal import CShims\n@_spi(Executors) internal import _Concurrency\n",
    "AsyncIO/Loop/EventLoop.swift": """
        package import AsyncIOSystem

        /// Runs tasks until the Watchdog barks.
        public final class EventLoop {
            static var current: EventLoop { EventLoop() }
            let poller: any Poller
            let name = "the loop of a Watchdog"
            func turn() {}
            var turns = 0
        }
        """,
    "AsyncIO/Tasks/FutureBase.swift": "class FutureBase {\n    let loop = EventLoop.current\n}\n",
    "AsyncIO/Sync/Lock.swift": """
        final class Lock: FutureBase {
            enum State { case open, locked }
            func acquire() { loop.turn() }
        }
        """,
    "AsyncIO/Combining/gather.swift": "func gather(_ lock: Lock) { lock.acquire() }\n",
    "AsyncIO/Network/Server.swift": "struct Server {\n    func serve() { EventLoop.current.turn() }\n}\n",
    "AsyncIO/Debug/Watchdog.swift": """
        final class Watchdog {
            static let shared = Watchdog()
            func look() {}
        }
        extension EventLoop {
            struct Statistics {}
            var statistics: Statistics { Statistics() }
            func reportSlowness(of server: Server) { gather(Lock()) }
        }
        let watchdogInterval = 1
        """,
    "AsyncIOMain/Install.swift": "public import AsyncIO\ninternal import CAsyncIOMain\n",
    "asyncio/Tool.swift": "internal import AsyncIOSystem\n",
}

PICTURE = """
   your program
        |
   +-----------------------------------------------------------+
   |  AsyncIO                                                  |<-----+
%s   +-----------------------------------------------------------+
"""


def picture(lines=None):
    return PICTURE % "".join(f"   |{line}|\n" for line in lines or layers.picture())


class LayerTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for path, text in CLEAN.items():
            self.write(path, text)
        for directory in layers.LAYER_OF:
            self.write(f"AsyncIO/{directory}/Some.swift", "\n")
        (self.root / "ARCHITECTURE.md").write_text(picture())

    def write(self, path, text):
        path = self.root / "Sources" / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def expect(self, *wrong, exceptions={}):
        self.assertEqual(layers.check(self.root, exceptions), [line.replace("@", "Sources/AsyncIO/") for line in wrong])

    def expect_in_loop(self, code, *names, layer="Debug"):
        """Adds code to a method of the loop, and expects that it uses these names."""
        self.write("AsyncIO/Loop/Code.swift", f"extension EventLoop {{\nfunc code() {{\n{code}\n}}\n}}\n")
        self.expect(*[f"@Loop/Code.swift:3: {name} is declared in {layer}, above the kernel" for name in names])

    def test_a_package_that_keeps_to_its_layers_passes(self):
        self.expect()

    # Types

    def test_a_type_above_is_found(self):
        for code in [
            "let it: Watchdog", "let them = [Watchdog]()", "_ = Watchdog.shared", "let them: [Watchdog: Int] = [:]",
            "it as? Watchdog", "func look<Other: Watchdog>(_ other: Other) {}", "AsyncIO.Watchdog()",
            "let it = \"\\(Watchdog.shared)\"",
        ]:
            with self.subTest(code):
                self.expect_in_loop(code, "Watchdog")

    def test_a_type_is_reported_once_for_each_file(self):
        self.expect_in_loop("Watchdog.shared.look()\nWatchdog.shared.look()", "Watchdog")

    def test_a_superclass_and_an_extended_type_are_found(self):
        self.write("AsyncIO/Tasks/Guard.swift", "final class Guard: Watchdog {}\nextension Lock {}\n")
        self.expect(
            "@Tasks/Guard.swift:1: Watchdog is declared in Debug, above the kernel",
            "@Tasks/Guard.swift:2: Lock is declared in Sync, above the kernel")

    def test_a_type_in_the_layer_beside_is_found(self):
        self.write("AsyncIO/Bytes/Text.swift", "let handler: SignalHandler?\n")
        self.write("AsyncIO/Signals/Handler.swift", "final class SignalHandler {}\n")
        self.expect("@Bytes/Text.swift:1: SignalHandler is declared in Signals, beside Bytes")

    def test_what_is_not_code_is_no_use(self):
        for code in [
            "// Watchdog", "/* a /* nested */ Watchdog */", '_ = "Watchdog"', '_ = "\\"Watchdog"',
            '_ = #"\\(Watchdog) " Watchdog"#', '_ = """\n    "Watchdog" \\\n    Watchdog\n    """',
        ]:
            with self.subTest(code):
                self.expect_in_loop(code)

    def test_code_after_a_string_is_read(self):
        self.expect_in_loop('_ = "\\("a" + b("c")) Watchdog"; _ = Lock()', "Lock", layer="Sync")

    def test_another_declaration_of_the_same_name_is_no_use(self):
        self.write("AsyncIO/Tasks/Guard.swift", "struct Guard {\n    enum Server {}\n    let server: Server\n}\n")
        self.write("AsyncIO/Tasks/Box.swift", "struct Box<Lock> {\n    let lock: Lock\n}\n")
        self.write("AsyncIO/Tasks/Own.swift", "private struct Watchdog {}\nlet own = Watchdog()\n")
        self.write("AsyncIO/Tasks/State.swift", "enum State { case open }\nlet state = State.open\n")
        self.expect()

    def test_a_name_is_local_to_its_function(self):
        self.write("AsyncIO/Loop/Code.swift", "func one(gather: () -> Void) { gather() }\nfunc two() { gather() }\n")
        self.expect("@Loop/Code.swift:2: gather is declared in Combining, above the kernel")

    def test_a_private_type_above_is_no_declaration(self):
        self.write("AsyncIO/Debug/Helper.swift", "private struct Helper {}\n")
        self.expect_in_loop("_ = Helper()")

    # Functions and variables

    def test_a_free_function_and_a_free_variable_above_are_found(self):
        self.expect_in_loop("gather(1)", "gather", layer="Combining")
        self.expect_in_loop("_ = watchdogInterval + 1", "watchdogInterval")

    def test_labels_parameters_members_and_local_names_are_no_functions(self):
        for code in [
            "run(gather: 1)", "func run(gather: () -> Void) { gather() }", "func run(gather body: Int) {}",
            "it.gather()", "let gather = { }; gather()", "func gather() {}; gather()",
            "them.map { gather in gather() }", "case .gather: 1",
            "for watchdogInterval in them { use(watchdogInterval) }", "let (watchdogInterval, other) = (1, 2)",
        ]:
            with self.subTest(code):
                self.expect_in_loop(code)

    # Members

    def test_a_member_that_an_extension_above_adds_is_found(self):
        for code in [
            "reportSlowness(of: 1)", "self.reportSlowness(of: 1)", "EventLoop.current.reportSlowness(of: 1)",
            "let loop: EventLoop = it; loop.reportSlowness(of: 1)",
            "let loop = EventLoop(); loop.reportSlowness(of: 1)",
            "somewhere().reportSlowness(of: 1)", "it?.reportSlowness(of: 1)",
        ]:
            with self.subTest(code):
                self.expect_in_loop(code, "EventLoop.reportSlowness")

    def test_a_single_word_is_found_if_the_type_is_known(self):
        self.expect_in_loop("_ = statistics", "EventLoop.statistics")
        self.expect_in_loop("let loop: EventLoop? = nil; _ = loop!.statistics", "EventLoop.statistics")
        self.expect_in_loop("_ = other().statistics")

    def test_a_nested_type_that_an_extension_above_adds_is_found(self):
        self.expect_in_loop("_ = Statistics()", "EventLoop.Statistics")
        self.expect_in_loop("_ = EventLoop.Statistics()", "EventLoop.Statistics")

    def test_a_member_of_a_type_above_is_found_where_the_type_is_not_named(self):
        self.write("AsyncIO/Loop/Dog.swift", "extension EventLoop {\n    var dog: Watchdog { Watchdog.shared }\n}\n")
        self.write("AsyncIO/Loop/Use.swift", "extension EventLoop {\n    func use() { dog.look() }\n}\n")
        self.expect(
            "@Loop/Dog.swift:2: Watchdog is declared in Debug, above the kernel",
            "@Loop/Use.swift:2: Watchdog.look is declared in Debug, above the kernel")

    def test_an_inherited_member_is_no_use_of_another(self):
        self.write("AsyncIO/Debug/More.swift", "extension Lock {\n    func shared() {}\n}\n")
        self.write("AsyncIO/Tasks/Shared.swift", "extension FutureBase {\n    func shared() {}\n}\n")
        self.write("AsyncIO/Sync/Use.swift", "func use(lock: Lock) { lock.shared() }\n")
        self.expect()

    # Modules and the runtime

    def test_only_two_directories_import_the_c_module(self):
        self.write("AsyncIO/Loop/Code.swift", "internal import CShims\n")
        self.write("asyncio/Terminal.swift", "internal import struct CShims.asyncio_event\n")
        only = "only Sources/AsyncIOSystem/ and Sources/AsyncIO/Runtime/ import CShims"
        self.expect(f"@Loop/Code.swift:1: {only}", f"Sources/asyncio/Terminal.swift:1: {only}")

    def test_a_module_imports_only_those_below(self):
        self.write("AsyncIO/Loop/Code.swift", "import AsyncIOTesting\nimport Logging\n")
        self.write("AsyncIOSystem/Code.swift", "package import class AsyncIO.EventLoop\n")
        self.write("asyncio/Code.swift", "import AsyncIO\n")
        self.expect(
            "@Loop/Code.swift:1: AsyncIO must not import AsyncIOTesting",
            "Sources/AsyncIOSystem/Code.swift:1: AsyncIOSystem must not import AsyncIO",
            "Sources/asyncio/Code.swift:1: asyncio must not import AsyncIO")

    def test_the_runtime_is_used_in_directories_runtime_only(self):
        self.write("AsyncIO/Loop/SPI.swift", "@_spi(Executors)\ninternal import _Concurrency\n")
        self.write("AsyncIO/Loop/Symbol.swift", '@_silgen_name("swift_task_cancel")\nfunc cancel()\n// swift_job_run\n')
        self.write("AsyncIO/Loop/runtime.swift", "@_spi(Executors) internal import _Concurrency\n")
        self.write("AsyncIOSystem/Prefix.swift", 'let prefixes = ["swift_", "$s"]\n')
        self.write("CShims/task.c", "char quote = '\"'; /* swift_job_run */\nvoid swift_task_cancel(void *);\n")
        self.write("CShims/runtime.c", "void swift_task_cancel(void *);\n")
        self.write("CShims/runtime/tasks.c", "void swift_task_cancel(void *);\n")
        symbols = "only files in a directory Runtime use symbols of the Swift runtime: swift_task_cancel"
        self.expect(
            "@Loop/SPI.swift:1: only files in a directory Runtime use an SPI", f"@Loop/Symbol.swift:1: {symbols}",
            "@Loop/runtime.swift:1: only files in a directory Runtime use an SPI", f"Sources/CShims/task.c:2: {symbols}")

    # Tables, the picture, exceptions

    def test_every_directory_is_in_a_table_and_every_layer_has_files(self):
        self.write("AsyncIO/Patterns/Code.swift", "\n")
        self.write("AsyncIO/Code.swift", "\n")
        self.write("AsyncIOExtras/Code.swift", "\n")
        (self.root / "Sources/AsyncIO/Queues/Some.swift").unlink()
        script = "of layers in scripts/check-layers.py"
        self.expect(
            "Sources/AsyncIOExtras: not in the table of modules in scripts/check-layers.py",
            f"@Code.swift: not in a directory of the table {script}",
            f"@Patterns/Code.swift: not in a directory of the table {script}",
            "@Queues: in the table of layers, but has no Swift files")

    def test_the_picture_shows_the_layers_in_their_order(self):
        path = self.root / "ARCHITECTURE.md"
        outdated = (
            "ARCHITECTURE.md: the picture does not show the layers in scripts/check-layers.py; run it with --update")
        lines = layers.picture()
        path.write_text(picture([lines[0], lines[2], lines[1], *lines[3:]]))
        self.expect(outdated)
        path.write_text(picture(lines[:-1]))
        self.expect(outdated)
        layers.update(self.root)
        self.assertEqual(path.read_text(), picture())
        path.write_text("No picture.\n")
        self.expect("ARCHITECTURE.md: there is no picture with a box AsyncIO")

    def test_an_exception_permits_one_name_in_one_file(self):
        self.write("AsyncIO/Loop/Code.swift", "let dog: Watchdog?\nlet lock: Lock?\n")
        exceptions = {("Loop/Code.swift", "Watchdog"): "a reason"}
        self.expect("@Loop/Code.swift:2: Lock is declared in Sync, above the kernel", exceptions=exceptions)

    def test_an_exception_that_is_not_needed_is_reported(self):
        self.expect(
            "@Loop/Code.swift: does not use Watchdog; remove the exception in scripts/check-layers.py",
            exceptions={("Loop/Code.swift", "Watchdog"): "a reason"})

    def test_the_table_counts_the_names_that_a_layer_uses(self):
        rows = list(layers.table(layers.Package(self.root)))
        # Debug uses the types Server, Lock, and EventLoop, and the function gather.
        self.assertIn("| Debug | 2 | 12 | Network 1, Combining 1, Sync 1, the kernel 1 |", rows)
        self.assertIn("| Queues | 1 | 1 |  |", rows)
        self.assertEqual(rows[-1], "| the kernel | 10 | 23 |  |")


if __name__ == "__main__":
    unittest.main()
