#!/usr/bin/env python3
"""What a ring buys a program in Python: PYTHONPATH=build/release/python benchmarks/ring_from_python.py

A step is a number of dependent dispatches, recorded one by one from Python. The ring sizes take turns in
one process. "GPU busy" is the union of the GPU's timestamps over the wall time of a round, and the
speed-up the geometric mean of the rounds' ratios, with the slowest and the fastest. `cbr bench
--synthetic` measures the same of C++.
"""

import argparse
import statistics
import time

import cbr
import cbr.compute

KERNEL = """
    #version 450
    #extension GL_EXT_buffer_reference : require
    layout(local_size_x = 64) in;
    layout(buffer_reference, std430, buffer_reference_align = 16) buffer Vectors { vec4 at[]; };
    layout(push_constant) uniform Push { Vectors data; uint count; uint iterations; };
    void main() {
      uint i = gl_GlobalInvocationID.x;
      if (i >= count) return;
      vec4 value = data.at[i];
      for (uint k = 0; k < iterations; ++k) value = fma(value, vec4(0.999), vec4(0.001));
      data.at[i] = value;
    }"""


def busy(intervals):
    """Seconds in the union of the intervals, which are in nanoseconds."""
    total, end = 0, float("-inf")
    for interval in sorted(intervals, key=lambda each: each.start):
        total += max(0, interval.end - max(interval.start, end))
        end = max(end, interval.end)
    return total / 1e9


class Work:
    def __init__(self, arguments):
        self.dispatches = arguments.dispatches
        self.elements = arguments.elements
        self.iterations = arguments.iterations
        self.kernel = cbr.compute.Kernel.from_glsl(KERNEL, push="QII", name="vectors")
        self.data = cbr.compute.Buffer(16 * self.elements, placement="device-local")
        self.groups = -(-self.elements // 64)

    def record(self, lease):
        for _ in range(self.dispatches):
            lease.dispatch(self.kernel, self.groups, self.data, self.elements, self.iterations)


def round_of(ring, work, steps):
    """Runs the steps; steps a second, the GPU's busy share (None without timestamps), seconds of
    recording in a step."""
    tickets, recording = [], 0.0
    begin = time.perf_counter()
    for _ in range(steps):
        with ring.acquire() as lease:
            start = time.perf_counter()
            work.record(lease)
            recording += time.perf_counter() - start
        tickets.append(lease.ticket)
    ring.drain()
    wall = time.perf_counter() - begin
    intervals = [ticket.gpu_interval for ticket in tickets]
    share = None if None in intervals else busy(intervals) / wall
    return steps / wall, share, recording / steps


def main():
    parser = argparse.ArgumentParser(description="Measures what a ring buys a program in Python.")
    parser.add_argument("--ring-size", default="1,2,3", help="sizes, the baseline first (%(default)s)")
    parser.add_argument("--dispatches", type=int, default=64, help="in a step (%(default)s)")
    parser.add_argument("--elements", type=int, default=131072,
                        help="vectors of four floats in a dispatch (%(default)s)")
    parser.add_argument("--iterations", type=int, default=64, help="multiply-adds on each (%(default)s)")
    parser.add_argument("--steps", type=int, default=100, help="in a round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="of each ring size (%(default)s)")
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.ring_size.split(",")]
    work = Work(arguments)
    rings = {size: cbr.CommandBufferRing(ring_size=size) for size in sizes}
    results = {size: [] for size in sizes}

    # An idle GPU clocks down.
    until = time.perf_counter() + 0.4
    while time.perf_counter() < until:
        round_of(rings[sizes[-1]], work, 10)
    for number in range(arguments.rounds):
        for size in sizes if number % 2 == 0 else reversed(sizes):
            results[size].append(round_of(rings[size], work, arguments.steps))

    print(f"{cbr.default_device().name}: {arguments.steps} steps of {arguments.dispatches} dispatches "
          f"× {arguments.elements} elements × {arguments.iterations} iterations, "
          f"{arguments.rounds} rounds")
    print("ring  steps/s  speed-up  slowest  fastest  GPU busy  recording")
    for size in sizes:
        rates, shares, recording = zip(*results[size], strict=True)
        ratios = [rate / baseline[0] for rate, baseline in zip(rates, results[sizes[0]], strict=True)]
        share = "–" if None in shares else f"{100 * statistics.median(shares):.1f} %"
        print(f"{size:4}  {statistics.median(rates):7.1f}  {statistics.geometric_mean(ratios):7.3f}×"
              f"  {min(ratios):7.3f}  {max(ratios):7.3f}  {share:>8}"
              f"  {1e6 * statistics.median(recording):6.0f} µs")
    for ring in rings.values():
        ring.close()


if __name__ == "__main__":
    main()
