// Cutting text into words by a regular expression.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

// PCRE2's own name for its compiled pattern, so that its header stays out of this one.
struct pcre2_real_code_8;  // NOLINT(readability-identifier-naming)

namespace cbr::decode {

/// A compiled pattern. Immutable, so several threads may split at once. Move-only.
class SplitPattern {
 public:
  /// Compiles a Unicode regular expression, or plain text to look for if `is_literal`.
  /// `place` stands at the front of error messages. Throws InputError if it does not compile.
  SplitPattern(std::string_view pattern, bool is_literal, std::string place);

  /// Cuts `text`, which must be valid UTF-8, so that each match is a piece and so is whatever lies
  /// between two matches. The pieces joined are the text; none is empty.
  /// Throws InputError if a match takes more steps or memory than is allowed.
  [[nodiscard]] std::vector<std::string_view> split(std::string_view text) const;

 private:
  struct Free {
    void operator()(pcre2_real_code_8* code) const;
  };

  std::string place_;
  std::unique_ptr<pcre2_real_code_8, Free> code_;
};

}  // namespace cbr::decode
