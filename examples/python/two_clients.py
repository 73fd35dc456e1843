"""Serves two clients at once on one ring, and shows that the event loop never stalls for the GPU.

    python3 examples/python/two_clients.py --steps 50

Each client runs steps one after another, as a service's requests would. While every slot is in flight
`acquire_async()` suspends the client, and the loop goes on: a third task notes the longest time that
it had to wait for its turn.
"""

from __future__ import annotations

import argparse
import asyncio
import time

import cbr
import cbr.compute

KERNEL = """
    #version 450
    #extension GL_EXT_buffer_reference : require
    layout(local_size_x = 64) in;
    layout(buffer_reference, std430, buffer_reference_align = 16) buffer Numbers { uint at[]; };
    layout(push_constant) uniform Push { Numbers numbers; uint rounds; };
    void main() {
      uint value = numbers.at[gl_GlobalInvocationID.x];
      for (uint i = 0; i < rounds; ++i) value = value * 1664525u + 1013904223u;
      numbers.at[gl_GlobalInvocationID.x] = value;
    }"""
GROUPS = 256


async def client(name: str, ring: cbr.CommandBufferRing, kernel: cbr.compute.Kernel, steps: int,
                 rounds: int) -> list[cbr.Ticket]:
    """Runs its steps in order, each once there is a slot for it."""
    numbers = cbr.compute.Buffer(4 * 64 * GROUPS)
    tickets = []
    for step in range(steps):
        async with ring.acquire_async(label=f"{name}, step {step}") as lease:
            lease.dispatch(kernel, GROUPS, numbers, rounds)
        tickets.append(lease.ticket)
    await tickets[-1]
    return tickets


async def longest_stall() -> float:
    """The longest turn of the loop until it is cancelled, in seconds."""
    longest = 0.0
    try:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - before)
    except asyncio.CancelledError:
        return longest


async def serve(ring: cbr.CommandBufferRing, steps: int, rounds: int) -> None:
    kernel = cbr.compute.Kernel.from_glsl(KERNEL, push="QI")
    # The first use of a kernel is slow.
    await client("warm-up", ring, kernel, 1, rounds)
    watch = asyncio.ensure_future(longest_stall())
    start = time.perf_counter()
    served = await asyncio.gather(client("first", ring, kernel, steps, rounds),
                                  client("second", ring, kernel, steps, rounds))
    total = time.perf_counter() - start
    watch.cancel()
    for name, tickets in zip(("first", "second"), served):
        print(f"{name} client: {len(tickets)} steps")
    waits = ring.statistics().wait_events
    print(f"a step takes {1e3 * total / (2 * steps):.2f} ms; {waits} had to wait for a slot; "
          f"the longest stall of the loop was {1e3 * await watch:.2f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description="Serves two clients at once on one ring.")
    parser.add_argument("--steps", type=int, default=50, help="of each client")
    parser.add_argument("--rounds", type=int, default=2000, help="how much a step computes")
    arguments = parser.parse_args()
    with cbr.CommandBufferRing(ring_size=2) as ring:
        asyncio.run(serve(ring, arguments.steps, arguments.rounds))


if __name__ == "__main__":
    main()
