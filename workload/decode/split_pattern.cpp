#include "decode/split_pattern.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <new>
#include <optional>
#include <utility>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <cbr/errors.h>

#include "text/printable.h"

namespace cbr::decode {
namespace {

constexpr std::size_t longest_pattern = 65536;
// Memory of one match where there is no JIT: a repeated group takes a frame for each round.
constexpr std::uint64_t least_heap_kib = 16'384;
constexpr std::uint64_t most_heap_kib = 262'144;
constexpr std::size_t first_jit_stack = std::size_t{32} * 1024;
constexpr std::size_t most_jit_stack = std::size_t{1024} * 1024;

struct FreeMatch {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct FreeContext {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};
struct FreeCompile {
  void operator()(pcre2_compile_context* context) const { pcre2_compile_context_free(context); }
};
struct FreeStack {
  void operator()(pcre2_jit_stack* stack) const { pcre2_jit_stack_free(stack); }
};

PCRE2_SPTR units(std::string_view text) {
  return reinterpret_cast<PCRE2_SPTR>(text.data());
}

std::string message(int error) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(error, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

template <typename Pointer>
const Pointer& require(const Pointer& pointer) {
  if (!pointer) throw std::bad_alloc();
  return pointer;
}

// What matching a step of the pattern costs, in steps of the plainest one: without JIT, a step
// copies a frame, which holds the pattern's groups.
std::uint64_t cost_of_step(const pcre2_code* code) {
  std::size_t jit_size = 0;
  std::size_t frame_size = 0;
  std::uint32_t groups = 0;
  pcre2_pattern_info(code, PCRE2_INFO_JITSIZE, &jit_size);
  pcre2_pattern_info(code, PCRE2_INFO_FRAMESIZE, &frame_size);
  pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
  return 1 + groups / 16 + (jit_size > 0 ? 0 : frame_size / 128);
}

// The state of one split(): PCRE2 shares a compiled pattern between threads, but not this.
//
// PCRE2's own limits are for one place where a match may begin, and don't count the characters that
// a step goes over, so that they bound no text. It is compiled with a callout before each item of
// the pattern instead, and these count both.
class Matcher {
 public:
  Matcher(const pcre2_code* code, std::uint64_t step_cost, SplitBudget& budget,
          std::size_t text_bytes)
      : code_(code),
        step_cost_(step_cost),
        budget_(budget),
        data_(require(pcre2_match_data_create_from_pattern(code, nullptr))),
        context_(require(pcre2_match_context_create(nullptr))),
        stack_(pcre2_jit_stack_create(first_jit_stack, most_jit_stack, nullptr)) {
    const std::uint64_t heap_kib = least_heap_kib + text_bytes / 2;
    pcre2_set_heap_limit(context_.get(),
                         static_cast<std::uint32_t>(std::min(heap_kib, most_heap_kib)));
    pcre2_set_match_limit(context_.get(), std::numeric_limits<std::uint32_t>::max());
    pcre2_set_depth_limit(context_.get(), std::numeric_limits<std::uint32_t>::max());
    pcre2_set_callout(context_.get(), &Matcher::take_step, this);
    // Without this stack, or without JIT, matching still works with PCRE2's own memory.
    if (stack_) pcre2_jit_stack_assign(context_.get(), nullptr, stack_.get());
  }
  Matcher(const Matcher&) = delete;
  Matcher& operator=(const Matcher&) = delete;

  // Finds the next match from `offset`. Returns PCRE2's result: negative for none or an error.
  int find(std::string_view text, std::size_t offset) {
    position_ = offset;
    // The text was checked before; checking the rest of it for each match would be quadratic.
    return pcre2_match(code_, units(text), text.size(), offset, PCRE2_NO_UTF_CHECK, data_.get(),
                       context_.get());
  }

  [[nodiscard]] std::size_t begin() const { return pcre2_get_ovector_pointer(data_.get())[0]; }
  [[nodiscard]] std::size_t end() const { return pcre2_get_ovector_pointer(data_.get())[1]; }

 private:
  static int take_step(pcre2_callout_block* block, void* self) {
    auto& matcher = *static_cast<Matcher*>(self);
    const std::size_t from = std::exchange(matcher.position_, block->current_position);
    const std::size_t to = block->current_position;
    const std::uint64_t passed = (to > from ? to - from : from - to) / 16;
    return matcher.budget_.spend(matcher.step_cost_ + passed) ? 0 : PCRE2_ERROR_CALLOUT;
  }

  const pcre2_code* code_;
  std::uint64_t step_cost_;
  SplitBudget& budget_;
  std::size_t position_ = 0;  // in the text, at the last step
  std::unique_ptr<pcre2_match_data, FreeMatch> data_;
  std::unique_ptr<pcre2_match_context, FreeContext> context_;
  std::unique_ptr<pcre2_jit_stack, FreeStack> stack_;
};

// The offset after the character at `offset`.
std::size_t next_character(std::string_view text, std::size_t offset) {
  ++offset;
  while (offset < text.size() && (static_cast<unsigned char>(text[offset]) & 0xC0U) == 0x80U) {
    ++offset;
  }
  return offset;
}

}  // namespace

void SplitPattern::Free::operator()(pcre2_real_code_8* code) const {
  pcre2_code_free(code);
}

SplitPattern::SplitPattern(std::string_view pattern, bool is_literal, std::string place)
    : place_(std::move(place)) {
  const std::unique_ptr<pcre2_compile_context, FreeCompile> context(
      require(pcre2_compile_context_create(nullptr)));
  pcre2_set_max_pattern_length(context.get(), longest_pattern);
  // \C could cut a character in two, which matching unchecked text must never do.
  const std::uint32_t options = PCRE2_AUTO_CALLOUT | PCRE2_UTF |
                                (is_literal ? PCRE2_LITERAL : PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C);
  int error = 0;
  PCRE2_SIZE offset = 0;
  code_.reset(
      pcre2_compile(units(pattern), pattern.size(), options, &error, &offset, context.get()));
  if (!code_) {
    throw InputError(fmt::format("{}: is {}, a bad pattern at offset {}: {}", place_,
                                 text::in_quotes(pattern), offset, message(error)));
  }
  std::uint32_t back_references = 0;
  pcre2_pattern_info(code_.get(), PCRE2_INFO_BACKREFMAX, &back_references);
  if (back_references > 0) {
    throw InputError(fmt::format("{}: is {}, which refers back to a group; that is unsupported",
                                 place_, text::in_quotes(pattern)));
  }
  // Where there is no JIT the pattern is interpreted: slower, with the same result.
  pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);
  step_cost_ = cost_of_step(code_.get());
}

std::vector<TextSpan> SplitPattern::split(const std::vector<TextSpan>& spans,
                                          SplitBudget& budget) const {
  std::size_t text_bytes = 0;
  for (const TextSpan& span : spans) text_bytes += span.text.size();
  Matcher matcher(code_.get(), step_cost_, budget, text_bytes);
  std::vector<TextSpan> pieces;
  for (const TextSpan& span : spans) {
    if (span.token) {
      pieces.push_back(span);
      continue;
    }
    const std::string_view text = span.text;
    const auto add = [&](std::size_t begin, std::size_t end) {
      if (end > begin) pieces.push_back({text.substr(begin, end - begin), std::nullopt});
    };
    std::size_t done = 0;
    std::size_t search = 0;
    while (search < text.size()) {
      const int result = matcher.find(text, search);
      if (result == PCRE2_ERROR_NOMATCH) break;
      if (result == PCRE2_ERROR_CALLOUT) {
        throw InputError(
            fmt::format("{}: splitting the text takes more than the {} steps that are "
                        "allowed for its length",
                        place_, budget.allowed()));
      }
      if (result < 0) {
        throw InputError(fmt::format("{}: splitting the text at byte {} fails: {}", place_, search,
                                     message(result)));
      }
      // A lookbehind with \K can put a match before the place where the search began.
      const std::size_t begin = std::max(matcher.begin(), done);
      const std::size_t end = std::max(matcher.end(), begin);
      add(done, begin);
      add(begin, end);
      done = end;
      // An empty match would be found again for ever.
      search = end > search ? end : next_character(text, search);
    }
    add(done, text.size());
  }
  return pieces;
}

}  // namespace cbr::decode
