// What a ring buys, on a GPU that exists only in numbers: no driver needed.
#include <chrono>
#include <iostream>

#include <cbr/ring.h>
#include <cbr/simulated.h>

using namespace std::chrono_literals;

double milliseconds_for(std::uint32_t ring_size) {
  auto gpu = cbr::simulated::make_gpu();
  cbr::CommandBufferRing ring(gpu, {.ring_size = ring_size});
  for (int step = 0; step < 100; ++step) {
    cbr::Lease lease = ring.acquire();
    cbr::simulated::record(lease, {.encode = 330us, .execute = 690us, .completion = 25us});
    std::move(lease).submit();
  }
  ring.drain();
  return std::chrono::duration<double, std::milli>(ring.now().time_since_epoch()).count();
}

int main() {
  for (const std::uint32_t ring_size : {1U, 2U, 3U}) {
    std::cout << "ring of " << ring_size << ": " << milliseconds_for(ring_size) << " ms\n";
  }
}
