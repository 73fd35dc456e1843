// A ring with options from YAML and the environment: configured [FILE.yaml]
#include <exception>
#include <iostream>

#include <cbr/config.h>
#include <cbr/ring.h>
#include <cbr/simulated.h>

namespace {

constexpr const char* built_in_options =
    "gpu_optimizations:\n"
    "  command_buffer_ring:\n"
    "    ring_size: 2\n";

}  // namespace

int main(int argc, char** argv) {
  try {
    const cbr::Config config =
        argc > 1 ? cbr::load_config(argv[1]) : cbr::parse_config(built_in_options);
    for (const std::string& warning : config.warnings) std::cerr << warning << '\n';
    cbr::CommandBufferRing ring(cbr::simulated::make_gpu(config.queues), config.ring);
    for (int step = 0; step < 10; ++step) ring.acquire().submit();
    ring.drain();
    std::cout << ring.statistics().completions << " steps with " << config.ring.ring_size
              << " slots (" << to_string(config.option("ring_size").origin) << ")\n";
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  return 0;
}
