#!/usr/bin/env python3
"""Compares what a cycle of the ring costs on the simulated GPU with what it cost in another revision.

Both are built as shared libraries, loaded into this one process and measured in turn, so that the state of
the machine concerns both alike:

    benchmarks/compare_versions.py 4fc536b
"""

import argparse
import ctypes
import math
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]

# Only what both revisions know.
CYCLE = r"""
#include <ctime>
#include <memory>
#include <cbr/ring.h>
#include <cbr/simulated.h>

using namespace std::chrono_literals;

static double cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return 1e9 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec);
}

// Nanoseconds of CPU time a cycle.
extern "C" __attribute__((visibility("default"))) double measure(unsigned ring_size, bool waits, unsigned cycles) {
  cbr::CommandBufferRing ring(cbr::simulated::make_gpu(), {.ring_size = ring_size});
  const auto run = [&](unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      cbr::Lease lease = ring.acquire();
      if (waits) cbr::simulated::record(lease, {.execute = 10us});
      (void)std::move(lease).submit();
    }
  };
  run(cycles / 10 + 1);
  const double start = cpu_ns();
  run(cycles);
  return (cpu_ns() - start) / cycles;
}
"""


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}:\n{done.stdout}")
    return done.stdout.strip()


def library(sources, folder):
    """The shared library of the core in `sources`."""
    print(f"building {sources}", file=sys.stderr)
    run("cmake", "-S", sources, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
        "-DCBR_BUILD_VULKAN=OFF", "-DCBR_BUILD_CONFIG=OFF", "-DCBR_BUILD_TESTS=OFF",
        "-DCBR_BUILD_BENCHMARKS=OFF")
    run("cmake", "--build", folder, "--target", "cbr")
    source = folder / "cycle.cpp"
    source.write_text(CYCLE)
    out = folder / "libcycle.so"
    # Its own symbols stay its own: two libraries of the same names share a process.
    run("c++", "-std=c++20", "-O3", "-fPIC", "-shared", "-I", sources / "include", source,
        "-o", out, folder / "src/core/libcbr.a", "-Wl,-Bsymbolic", "-Wl,--exclude-libs,ALL", "-lpthread")
    measure = ctypes.CDLL(str(out), mode=ctypes.RTLD_LOCAL).measure
    measure.restype = ctypes.c_double
    measure.argtypes = [ctypes.c_uint, ctypes.c_bool, ctypes.c_uint]
    return measure


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("revision", help="what to compare the working tree with")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--cycles", type=int, default=100_000, help="in a round (default: %(default)s)")
    options = parser.parse_args()
    folder = ROOT / "build" / "compare"
    commit = run("git", "-C", ROOT, "rev-parse", "--short", "--verify", options.revision + "^{commit}")
    other = folder / commit
    if not other.exists():
        other.mkdir(parents=True)
        archive = subprocess.Popen(["git", "-C", ROOT, "archive", commit], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", other], stdin=archive.stdout, check=True)
        archive.wait()
    old = library(other, other / "build")
    new = library(ROOT, folder / "working-tree")
    print(f"{'a cycle':<36} {commit:>10} {'this tree':>10} {'ratio':>7}")
    for waits in (False, True):
        for ring_size in (1, 3):
            pairs = []
            for i in range(options.rounds):
                first, second = (old, new) if i % 2 == 0 else (new, old)
                a = first(ring_size, waits, options.cycles)
                b = second(ring_size, waits, options.cycles)
                pairs.append((a, b) if first is old else (b, a))
            ratio = math.exp(statistics.median(math.log(b / a) for a, b in pairs))
            name = f"ring of {ring_size}, {'each acquire waits' if waits else 'the GPU takes no time'}"
            print(f"{name:<36} {statistics.median(a for a, _ in pairs):7.1f} ns "
                  f"{statistics.median(b for _, b in pairs):7.1f} ns {ratio:7.3f}")


if __name__ == "__main__":
    main()
