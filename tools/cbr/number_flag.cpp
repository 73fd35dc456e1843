#include "number_flag.h"

#include <algorithm>
#include <charconv>
#include <locale>
#include <sstream>
#include <system_error>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "text/printable.h"

namespace cbr::tool {
namespace {

bool parses(std::string_view text, std::uint32_t& number) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  return result.ec == std::errc() && result.ptr == end;
}

// Not by std::from_chars, which libc++ had for whole numbers alone until LLVM 20.
bool parses(std::string_view text, double& number) {
  std::istringstream stream{std::string(text)};
  stream.imbue(std::locale::classic());
  stream >> std::noskipws >> number;
  return !stream.fail() && stream.peek() == std::istringstream::traits_type::eof();
}

}  // namespace

std::uint32_t parse_whole(std::string_view flag, std::string_view text, std::uint32_t least,
                          std::uint32_t most) {
  std::uint32_t number = 0;
  if (parses(text, number) && number >= least && number <= most) return number;
  throw InputError(fmt::format("{}: {} is not a whole number from {} to {}", flag,
                               text::in_quotes(text), least, most));
}

std::vector<std::uint32_t> parse_whole_list(std::string_view flag, std::string_view text,
                                            std::uint32_t least, std::uint32_t most) {
  std::vector<std::uint32_t> numbers;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::uint32_t number = parse_whole(flag, text.substr(begin, end - begin), least, most);
    if (std::find(numbers.begin(), numbers.end(), number) != numbers.end()) {
      throw InputError(fmt::format("{}: {} is given twice", flag, number));
    }
    numbers.push_back(number);
    begin = end + 1;
  }
  return numbers;
}

double parse_decimal(std::string_view flag, std::string_view text, double least, double most) {
  double number = 0.0;
  // Written so that "nan" fails too.
  if (parses(text, number) && number >= least && number <= most) return number;
  throw InputError(fmt::format("{}: {} is not a number from {} to {}", flag, text::in_quotes(text),
                               least, most));
}

CLI::Option* add_whole_flag(CLI::App& app, const std::string& flag, std::uint32_t& target,
                            std::uint32_t least, std::uint32_t most, const std::string& help) {
  return app
      .add_option_function<std::string>(
          flag,
          [&target, flag, least, most](const std::string& text) {
            target = parse_whole(flag, text, least, most);
          },
          help)
      ->type_name("N")
      ->default_str(target == 0 && least > 0 ? "" : fmt::format("{}", target));
}

CLI::Option* add_decimal_flag(CLI::App& app, const std::string& flag, double& target, double least,
                              double most, const std::string& help) {
  return app
      .add_option_function<std::string>(
          flag,
          [&target, flag, least, most](const std::string& text) {
            target = parse_decimal(flag, text, least, most);
          },
          help)
      ->type_name("NUMBER")
      ->default_str(fmt::format("{}", target));
}

}  // namespace cbr::tool
