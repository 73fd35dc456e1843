#!/usr/bin/env python3
"""Plants bugs in a copy of the sources, one at a time, and shows that the tests find each of them.

The bugs are in mutations.toml. The copy has a build folder of its own and is removed at the end; the
working tree is only read. A bug is found ("killed") when a test fails, crashes or hangs. One that no
test finds ("survived") shows what the tests do not look at. Takes about 15 seconds a bug.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Target and its folder; the quick ones first, since the first failure decides.
TESTS = [
    ("core_test", "tests/unit/core"),
    ("decorators_test", "tests/unit/decorators"),
    ("observe_test", "tests/unit/observe"),
    ("ring_conformance", "tests/conformance"),
    ("schedule_test", "verification/scheduling"),
]
# For bugs in the Metal backend, on the fake of Metal.
METAL_SOURCES = "src/backends/metal/"
METAL_TESTS = [
    ("metal_test", "tests/unit/metal"),
    ("metal_conformance", "tests/conformance"),
]

# The simulated GPU alone, and little optimisation: most of the time goes into compiling.
CONFIGURATION = [
    "-DCBR_BUILD_VULKAN=OFF",
    "-DCBR_BUILD_TOOLS=OFF",
    "-DCBR_BUILD_BENCHMARKS=OFF",
    "-DCMAKE_BUILD_TYPE=None",
    "-DCMAKE_CXX_FLAGS=-O1",
]


class Failure(Exception):
    """What keeps the check from being done."""


@dataclasses.dataclass(frozen=True)
class Mutation:
    name: str
    bug: str
    file: str
    old: str
    new: str


@dataclasses.dataclass(frozen=True)
class Kill:
    test: str
    how: str = ""


def tests_for(mutation):
    return METAL_TESTS if mutation.file.startswith(METAL_SOURCES) else TESTS


def read_mutations(path):
    with open(path, "rb") as file:
        entries = tomllib.load(file).get("mutation", [])
    fields = [field.name for field in dataclasses.fields(Mutation)]
    mutations = []
    for number, entry in enumerate(entries, 1):
        if sorted(entry) != sorted(fields):
            raise Failure(f"{path}: mutation {number} has {sorted(entry)}, it must have {fields}")
        mutations.append(Mutation(**entry))
    names = [mutation.name for mutation in mutations]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Failure(f"{path}: more than one mutation is called {', '.join(twice)}")
    return mutations


def mutated(mutation, text):
    """The file's text with the bug in it. An entry that does not fit the sources is an error."""
    count = text.count(mutation.old)
    if count != 1:
        raise Failure(
            f"{mutation.name} is stale: its old text occurs {count} times in {mutation.file}, "
            "it must occur once"
        )
    return text.replace(mutation.old, mutation.new)


def check_fresh(mutations, root):
    stale = []
    for mutation in mutations:
        path = root / mutation.file
        try:
            if not path.is_file():
                raise Failure(f"{mutation.name} is stale: there is no {mutation.file}")
            mutated(mutation, path.read_text())
        except Failure as failure:
            stale.append(str(failure))
    if stale:
        raise Failure("\n".join(stale))


def copy_sources(destination):
    listing = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "-z"],
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    for name in filter(None, listing.decode().split("\0")):
        source, target = ROOT / name, destination / name
        # Models are large, and no test here reads one. What was deleted is still listed.
        if name.startswith("models/") or not source.is_file():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def killer(output, returncode):
    """The test that found the bug, and how if it did not just fail."""
    running = re.findall(r"^\[ RUN      \] (\S+)", output, re.MULTILINE)
    last = running[-1] if running else "(before the first test)"
    if returncode is None:
        return Kill(last, "it hung")
    failed = re.search(r"^\[  FAILED  \] (\S+?),? ", output, re.MULTILINE)
    if returncode < 0 or failed is None:
        how = signal.Signals(-returncode).name if returncode < 0 else f"status {returncode}"
        return Kill(last, f"it ended with {how}")
    return Kill(failed.group(1))


def limit_memory():
    # A bug may ask for memory for ever.
    resource.setrlimit(resource.RLIMIT_DATA, (8 << 30, 8 << 30))


class Scratch:
    """A copy of the sources with a build of its own."""

    def __init__(self, folder, jobs):
        self.sources = folder / "sources"
        self.build_folder = folder / "build"
        self.jobs = jobs
        self.limits = {}
        self.environment = dict(
            os.environ,
            # The copy lies elsewhere each time; ccache is to know it again all the same.
            CCACHE_BASEDIR=str(folder),
            CCACHE_NOHASHDIR="1",
            GTEST_FAIL_FAST="1",
            GTEST_COLOR="no",
            CBR_SCHEDULES=os.environ.get("CBR_SCHEDULES", "20000"),
        )
        copy_sources(self.sources)

    def configure(self):
        command = ["cmake", "-S", self.sources, "-B", self.build_folder, "-G", "Ninja"]
        if shutil.which("ccache"):
            command.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
        done = self.call(command + CONFIGURATION)
        if done.returncode != 0:
            raise Failure(f"cmake failed:\n{done.stdout}")

    def build(self, target):
        """The compiler's output if it failed, else nothing."""
        command = ["cmake", "--build", self.build_folder, "-j", str(self.jobs), "--target", target]
        done = self.call(command)
        return None if done.returncode == 0 else done.stdout

    def call(self, command):
        return subprocess.run(
            command,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )

    def run_test(self, target, folder, limit):
        """Output, and the exit status; no status if it ran past the limit in seconds."""
        output = self.build_folder / f"{target}.out"
        with open(output, "wb") as file:
            process = subprocess.Popen(
                [self.build_folder / folder / target],
                env=self.environment,
                cwd=self.build_folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=limit_memory,
            )
            try:
                status = process.wait(limit)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                # Children that a test has forked may be left, whatever became of the test.
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                process.wait()
        return output.read_text(errors="replace"), status

    def check_unmutated(self, mutations):
        for target, folder in dict.fromkeys(test for m in mutations for test in tests_for(m)):
            errors = self.build(target)
            if errors:
                raise Failure(f"the unmutated {target} does not build:\n{errors}")
            start = time.monotonic()
            output, status = self.run_test(target, folder, 600)
            if status != 0:
                raise Failure(f"the unmutated tree fails: {target}, {killer(output, status)}")
            # Generous: a busy machine is not to look like a bug that was found.
            self.limits[target] = 20 + 10 * (time.monotonic() - start)

    def try_mutation(self, mutation):
        """Who killed it; nothing if it survived."""
        path = self.sources / mutation.file
        text = path.read_text()
        path.write_text(mutated(mutation, text))
        try:
            for target, folder in tests_for(mutation):
                errors = self.build(target)
                if errors:
                    raise Failure(f"{mutation.name} does not compile:\n{errors}")
                output, status = self.run_test(target, folder, self.limits[target])
                if status != 0:
                    kill = killer(output, status)
                    return Kill(f"{target}: {kill.test}", kill.how)
        finally:
            path.write_text(text)
        return None


def check(mutations, jobs):
    width = max(len(mutation.name) for mutation in mutations)
    survivors, errors = [], []
    with tempfile.TemporaryDirectory(prefix="cbr-mutants-") as folder:
        start = time.monotonic()
        scratch = Scratch(pathlib.Path(folder), jobs)
        scratch.configure()
        scratch.check_unmutated(mutations)
        print(f"the unmutated tree passes ({time.monotonic() - start:.0f} s)", flush=True)
        for number, mutation in enumerate(mutations, 1):
            begun = time.monotonic()
            try:
                kill = scratch.try_mutation(mutation)
                verdict = "killed  " if kill else "SURVIVED"
            except Failure as failure:
                kill, verdict = None, "ERROR   "
                errors.append(failure)
            if kill:
                by = f"by {kill.test}" + (f", {kill.how}" if kill.how else "")
            else:
                by = mutation.bug
                if verdict == "SURVIVED":
                    survivors.append(mutation)
            digits = len(str(len(mutations)))
            print(
                f"[{number:{digits}}/{len(mutations)}] {verdict} {mutation.name:{width}} {by} "
                f"({time.monotonic() - begun:.0f} s)",
                flush=True,
            )
    for failure in errors:
        print(f"mutants: {failure}", file=sys.stderr)
    for mutation in survivors:
        print(f"survived: {mutation.name} in {mutation.file}: {mutation.bug}")
    killed = len(mutations) - len(survivors) - len(errors)
    print(
        f"{len(mutations)} mutations, {killed} killed"
        + (f", {len(survivors)} survived" if survivors else "")
        + (f", {len(errors)} in error" if errors else "")
        + f", in {time.monotonic() - start:.0f} s"
    )
    return 1 if survivors or errors else 0


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not 1 or more")
    return number


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="./dev mutants",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="The exit status is 0 if every bug was found, 1 if one survived, does not compile or "
        "no longer fits the sources. CBR_SCHEDULES says how many schedules schedule_test explores "
        "(20000).",
    )
    parser.add_argument("--list", action="store_true", help="list the bugs; 1 if one is stale")
    parser.add_argument("--only", metavar="NAME", action="append", help="this bug; may be repeated")
    parser.add_argument("--jobs", type=positive, default=2, help="compilers at a time (2)")
    parser.add_argument(
        "--mutations",
        metavar="FILE",
        default=pathlib.Path(__file__).with_name("mutations.toml"),
        help="another list of bugs",
    )
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    # Leaves by way of every `finally`, so that nothing is left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        mutations = read_mutations(arguments.mutations)
        if arguments.only:
            unknown = set(arguments.only) - {mutation.name for mutation in mutations}
            if unknown:
                raise Failure(f"no mutation is called {', '.join(sorted(unknown))}; see --list")
            mutations = [entry for entry in mutations if entry.name in arguments.only]
        check_fresh(mutations, ROOT)
        if arguments.list:
            for mutation in mutations:
                print(f"{mutation.name:32} {mutation.file}: {mutation.bug}")
            print(f"{len(mutations)} mutations")
            return 0
        return check(mutations, arguments.jobs)
    except (Failure, OSError, tomllib.TOMLDecodeError) as failure:
        print(f"mutants: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
