// The name that a user gives to some work, kept without allocating.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace cbr::detail {

/// The first 31 bytes of a text.
class Label {
 public:
  Label() = default;
  explicit Label(std::string_view text) { assign(text); }
  void assign(std::string_view text) {
    size_ = std::min(text.size(), text_.size());
    std::copy_n(text.begin(), size_, text_.begin());
  }
  [[nodiscard]] std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 31> text_{};
  std::size_t size_ = 0;
};

}  // namespace cbr::detail
