// Cutting text into words by a regular expression.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "decode/split_budget.h"
#include "decode/text_span.h"

// PCRE2's own name for its compiled pattern, so that its header stays out of this one.
struct pcre2_real_code_8;  // NOLINT(readability-identifier-naming)

namespace cbr::decode {

/// A compiled pattern. Immutable, so several threads may split at once. Move-only.
class SplitPattern {
 public:
  /// Compiles a Unicode regular expression, or plain text to look for if `is_literal`.
  /// `place` stands at the front of error messages. Throws InputError if it does not compile, or
  /// refers back to what a group matched: how long that takes no count of steps would tell.
  SplitPattern(std::string_view pattern, bool is_literal, std::string place);

  /// Cuts each text among `spans`, which must be valid UTF-8, so that each match is a piece and so
  /// is whatever lies between two matches. The pieces joined are the text; none is empty. Tokens
  /// stay as they are. Throws InputError if that takes more steps than `budget` has left, or more
  /// memory than is in proportion to the text.
  [[nodiscard]] std::vector<TextSpan> split(const std::vector<TextSpan>& spans,
                                            SplitBudget& budget) const;

 private:
  struct Free {
    void operator()(pcre2_real_code_8* code) const;
  };

  std::string place_;
  std::unique_ptr<pcre2_real_code_8, Free> code_;
  std::uint64_t step_cost_ = 1;
};

}  // namespace cbr::decode
