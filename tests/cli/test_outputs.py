"""What --output names stays what it is, and poor surroundings end in one line."""

import os
import pathlib
import pty
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import unittest

from cbr_program import PROGRAM, SIMULATED, CbrTestCase

QUICK = ["bench", *SIMULATED, "--rounds", "2", "--ring-size", "1,2"]


class Outputs(CbrTestCase):
    def bench_to(self, path, **options):
        return subprocess.run([PROGRAM, *QUICK, "--output", str(path)], capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, check=False, **options)

    def test_a_pipe_with_a_name(self):
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        got = []
        reader = threading.Thread(target=lambda: got.append(pipe.read_text(encoding="utf-8")))
        reader.start()
        run = self.bench_to(pipe)
        reader.join(60)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertTrue(stat.S_ISFIFO(pipe.lstat().st_mode))
        self.assertTrue(got[0].startswith("{") and got[0].endswith("}\n"))
        self.assertEqual(list(self.folder.iterdir()), [pipe])

    def test_a_device(self):
        self.assertEqual(self.bench_to("/dev/null").returncode, 0)
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))
        if os.path.exists("/dev/full"):
            run = self.bench_to("/dev/full")
            self.assertEqual((run.returncode, run.stdout), (1, ""))
            self.assertRegex(run.stderr, r"^cbr: can't write /dev/full: No space left on device\n$")

    @unittest.skipUnless(os.geteuid() == 0, "only root makes devices")
    def test_a_device_in_a_folder_that_could_take_a_file(self):
        device = self.folder / "null"
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        self.assertEqual(self.bench_to(device).returncode, 0)
        self.assertTrue(stat.S_ISCHR(device.lstat().st_mode))

    def test_links(self):
        (self.folder / "real").mkdir()
        target = self.folder / "real" / "r.json"
        link = self.folder / "link.json"
        chain = self.folder / "chain.json"
        link.symlink_to("real/r.json")
        chain.symlink_to(link)
        # First to a file that isn't there yet.
        for path in [link, chain]:
            self.assertEqual(self.bench_to(path).returncode, 0)
            self.assertTrue(link.is_symlink() and chain.is_symlink())
            self.assertFalse(target.is_symlink())
            self.read_result(target)
            self.assertEqual(list(target.parent.iterdir()), [target])
            target.write_text("old", encoding="utf-8")
        self.assertEqual(target.read_text(encoding="utf-8"), "old")
        elsewhere = self.folder / "elsewhere.json"
        elsewhere.symlink_to("missing/r.json")
        self.assert_bad_input(self.bench_to(elsewhere), "--output", self.folder / "missing")
        circle = self.folder / "circle.json"
        circle.symlink_to(circle)
        self.assert_bad_input(self.bench_to(circle), "--output", circle, "symbolic links")

    def test_a_second_name(self):
        path, other = self.folder / "a.json", self.folder / "b.json"
        path.write_text("old" * 100_000, encoding="utf-8")
        other.hardlink_to(path)
        self.assertEqual(self.bench_to(path).returncode, 0)
        self.assertTrue(path.samefile(other))
        self.read_result(other)

    def test_keeps_a_files_rights(self):
        path = self.folder / "r.json"
        path.touch()
        path.chmod(0o600)
        self.assertEqual(self.bench_to(path).returncode, 0)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)

    def test_standard_output_by_its_name(self):
        for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]:
            if not os.path.exists(name):
                continue
            with self.subTest(name):
                path = self.folder / "out"
                with path.open("wb") as out:
                    run = subprocess.run([PROGRAM, *QUICK, "--output", name], stdout=out,
                                         stderr=subprocess.PIPE, check=False)
                self.assertEqual((run.returncode, run.stderr), (0, b""))
                text = path.read_text(encoding="utf-8")
                self.assertTrue(text.startswith("{"))
                self.assertIn("\n}\nSimulated device", text)

    def test_an_open_descriptor(self):
        read, write = os.pipe()
        run = self.bench_to(f"/dev/fd/{write}", pass_fds=[write])
        os.close(write)
        with open(read, encoding="utf-8") as result:
            self.assertTrue(result.read().startswith("{"))
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assert_bad_input(self.bench_to("/dev/fd/77"), "--output", "/dev/fd/77", "not open")

    def test_what_can_not_take_a_result(self):
        path = self.folder / "socket"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            self.assert_bad_input(self.bench_to(path), "--output", "is a socket")
            self.assertTrue(stat.S_ISSOCK(path.lstat().st_mode))
        self.assert_bad_input(self.bench_to(self.folder / "file" / "x"), "--output")


class Surroundings(CbrTestCase):
    def shell(self, script, *arguments, **options):
        return subprocess.run(["bash", "-c", script, "_", *map(str, arguments)],
                              capture_output=True, text=True, check=False, **options)

    def assert_one_line(self, run, *codes):
        self.assertIn(run.returncode, codes, run.stderr)
        self.assertRegex(run.stderr, r"^[^\n]*\n$")

    def test_little_memory(self):
        big = self.folder / "big.json"
        big.write_text('{"schemaVersion": 1, "config": {"x": [' + "[]," * 3_000_000 + "0]}}",
                       encoding="utf-8")
        for kilobytes in [60_000, 100_000]:
            run = self.shell('ulimit -v "$1" && shift && exec "$@"', kilobytes, PROGRAM, "compare",
                             big, big)
            self.assert_one_line(run, 1)
            self.assertIn("cbr: there is not enough memory", run.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "only root becomes another user")
    def test_no_more_threads(self):
        self.folder.chmod(0o755)
        run = subprocess.run(["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups",
                              "prlimit", "--nproc=1:1", PROGRAM, *QUICK], capture_output=True,
                             text=True, check=False)
        self.assert_one_line(run, 1)
        self.assertIn("cbr: can't start a thread for the ring", run.stderr)

    def test_streams_that_are_closed(self):
        result = self.folder / "r.json"
        run = self.shell('out=$1; shift; exec "$@" --output "$out" >&-', result, PROGRAM, *QUICK)
        self.assert_one_line(run, 1)
        self.assertIn("can't write to standard output", run.stderr)
        self.read_result(result)
        run = self.shell('out=$1; shift; exec "$@" --output "$out" <&- 2>&-', result, PROGRAM,
                         *QUICK)
        self.assertEqual(run.returncode, 0)
        self.read_result(result)

    def test_an_empty_environment(self):
        run = subprocess.run([PROGRAM, *QUICK], capture_output=True, text=True, check=False, env={})
        self.assert_success(run)


def can_unshare():
    return subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"],
                          capture_output=True, check=False).returncode == 0


def child_of(pid):
    """The only child of a process, once it is the program."""
    while True:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if children:
            exe = os.path.realpath(f"/proc/{children[0]}/exe")
            if exe == os.path.realpath(PROGRAM):
                return int(children[0])
        time.sleep(0.01)


def catches(pid, number):
    """Whether a process has a handler for a signal."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    mask = next(line for line in status.splitlines() if line.startswith("SigCgt:")).split()[1]
    return bool(int(mask, 16) & 1 << (number - 1))


@unittest.skipUnless(sys.platform == "linux" and can_unshare(), "needs namespaces of processes")
class ProcessOne(CbrTestCase):
    """Of a container without an init, to which the kernel delivers no signal without a handler."""

    def start(self, *arguments, **options):
        process = subprocess.Popen(["unshare", "--pid", "--fork", "--mount-proc", "--kill-child",
                                    PROGRAM, *arguments], stdout=subprocess.DEVNULL,
                                   **{"stderr": subprocess.DEVNULL, **options})
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        pid = child_of(process.pid)
        while not catches(pid, signal.SIGINT):
            time.sleep(0.01)
        return process, pid

    def test_a_signal_ends_a_wait_for_a_file(self):
        for number in [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]:
            process, pid = self.start("config", "check", "-", stdin=subprocess.PIPE)
            os.kill(pid, number)
            self.assertEqual(process.wait(60), 128 + number)
            process.stdin.close()

    def test_the_second_signal_ends_it_at_once(self):
        # However far the work has come, the ordered end waits for somebody to read the result.
        pipe = self.folder / "nobody-reads"
        os.mkfifo(pipe)
        for first, second in [(signal.SIGINT, signal.SIGINT), (signal.SIGINT, signal.SIGTERM)]:
            controller, terminal = pty.openpty()
            self.addCleanup(os.close, controller)
            process, pid = self.start(*QUICK, "--output", pipe, stderr=terminal)
            os.close(terminal)
            shown = b""
            while b"ring size" not in shown:  # from here on it ends in order
                shown += os.read(controller, 4096)
            os.kill(pid, first)
            while f"{1 << (first - 1):016x}" in pathlib.Path(f"/proc/{pid}/status").read_text():
                time.sleep(0.01)  # it is still pending
            os.kill(pid, second)
            self.assertEqual(process.wait(60), 128 + second)


if __name__ == "__main__":
    unittest.main()
