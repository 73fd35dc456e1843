#include <cbr/backend.h>

namespace cbr {

bool Backend::gather(SlotIndex slot, Serial serial, TimePoint /*send_by*/) {
  submit(slot, serial, {});
  return false;
}

void Backend::relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace cbr
