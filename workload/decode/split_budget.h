// What the cutting of one text into words may cost.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cbr::decode {

/// Steps of pattern matching, enough for any text and a sensible pattern. A pattern that goes over
/// the same text again and again uses them up, in time that is in proportion to the text.
class SplitBudget {
 public:
  explicit SplitBudget(std::size_t text_bytes)
      : allowed_(std::uint64_t{1'000'000} + std::uint64_t{256} * text_bytes), left_(allowed_) {}

  /// Takes so many steps. Returns false, now and from then on, if that is more than is left.
  bool spend(std::uint64_t steps) {
    left_ = steps <= left_ ? left_ - steps : 0;
    return left_ > 0;
  }

  [[nodiscard]] std::uint64_t allowed() const { return allowed_; }

 private:
  std::uint64_t allowed_;
  std::uint64_t left_;
};

}  // namespace cbr::decode
