#include "decode/split_pattern.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <new>
#include <utility>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <cbr/errors.h>

#include "decode/printable.h"

namespace cbr::decode {
namespace {

constexpr std::size_t longest_pattern = 65536;
// Steps of one match. A pattern that backtracks without end stops here, in well under a second.
constexpr std::uint32_t most_steps = 10'000'000;
constexpr std::uint32_t most_heap_kib = 256 * 1024;
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

// The state of one split(): PCRE2 shares a compiled pattern between threads, but not this.
class Matcher {
 public:
  explicit Matcher(const pcre2_code* code)
      : code_(code),
        data_(require(pcre2_match_data_create_from_pattern(code, nullptr))),
        context_(require(pcre2_match_context_create(nullptr))),
        stack_(pcre2_jit_stack_create(first_jit_stack, most_jit_stack, nullptr)) {
    pcre2_set_match_limit(context_.get(), most_steps);
    pcre2_set_heap_limit(context_.get(), most_heap_kib);
    // Without this stack, or without JIT, matching still works with PCRE2's own memory.
    if (stack_) pcre2_jit_stack_assign(context_.get(), nullptr, stack_.get());
  }

  // Finds the next match from `offset`. Returns PCRE2's result: negative for none or an error.
  int find(std::string_view text, std::size_t offset) {
    // The text was checked before; checking the rest of it for each match would be quadratic.
    return pcre2_match(code_, units(text), text.size(), offset, PCRE2_NO_UTF_CHECK, data_.get(),
                       context_.get());
  }

  [[nodiscard]] std::size_t begin() const { return pcre2_get_ovector_pointer(data_.get())[0]; }
  [[nodiscard]] std::size_t end() const { return pcre2_get_ovector_pointer(data_.get())[1]; }

 private:
  const pcre2_code* code_;
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
  const std::uint32_t options =
      is_literal ? PCRE2_UTF | PCRE2_LITERAL : PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C;
  int error = 0;
  PCRE2_SIZE offset = 0;
  code_.reset(
      pcre2_compile(units(pattern), pattern.size(), options, &error, &offset, context.get()));
  if (!code_) {
    throw InputError(fmt::format("{}: is {}, a bad pattern at offset {}: {}", place_,
                                 in_quotes(pattern), offset, message(error)));
  }
  // Where there is no JIT the pattern is interpreted: slower, with the same result.
  pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);
}

std::vector<std::string_view> SplitPattern::split(std::string_view text) const {
  std::vector<std::string_view> pieces;
  Matcher matcher(code_.get());
  std::size_t done = 0;
  std::size_t search = 0;
  while (search < text.size()) {
    const int result = matcher.find(text, search);
    if (result == PCRE2_ERROR_NOMATCH) break;
    if (result < 0) {
      throw InputError(fmt::format("{}: splitting the text at byte {} fails: {}", place_, search,
                                   message(result)));
    }
    // A lookbehind with \K can put a match before the place where the search began.
    const std::size_t begin = std::max(matcher.begin(), done);
    const std::size_t end = std::max(matcher.end(), begin);
    if (begin > done) pieces.push_back(text.substr(done, begin - done));
    if (end > begin) pieces.push_back(text.substr(begin, end - begin));
    done = end;
    // An empty match would be found again for ever.
    search = end > search ? end : next_character(text, search);
  }
  if (done < text.size()) pieces.push_back(text.substr(done));
  return pieces;
}

}  // namespace cbr::decode
