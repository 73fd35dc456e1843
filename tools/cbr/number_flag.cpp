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

/// Adds a number to a list. Throws InputError if it is there already.
void add(std::string_view flag, std::uint32_t number, std::vector<std::uint32_t>& numbers) {
  if (std::find(numbers.begin(), numbers.end(), number) != numbers.end()) {
    throw InputError(fmt::format("{}: {} is given twice", flag, number));
  }
  numbers.push_back(number);
}

/// Calls take(part) for each of the parts that commas separate.
template <typename Take>
void for_each_part(std::string_view text, const Take& take) {
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    take(text.substr(begin, end - begin));
    begin = end + 1;
  }
}

}  // namespace

// Not by std::from_chars, which libc++ had for whole numbers alone until LLVM 20.
std::optional<double> decimal_of(std::string_view text) {
  std::istringstream stream{std::string(text)};
  stream.imbue(std::locale::classic());
  double number = 0.0;
  stream >> std::noskipws >> number;
  // In this order: to look beyond the end is a failure too.
  if (stream.fail() || stream.peek() != std::istringstream::traits_type::eof()) return std::nullopt;
  return number;
}

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
  for_each_part(text, [&](std::string_view part) {
    add(flag, parse_whole(flag, part, least, most), numbers);
  });
  return numbers;
}

std::vector<std::uint32_t> parse_whole_ranges(std::string_view flag, std::string_view text,
                                              std::uint32_t least, std::uint32_t most) {
  std::vector<std::uint32_t> numbers;
  for_each_part(text, [&](std::string_view part) {
    // A number that begins with it is no range, but wrong.
    const std::size_t dash = part.find('-', 1);
    const std::uint32_t first = parse_whole(flag, part.substr(0, dash), least, most);
    const std::uint32_t last = dash == std::string_view::npos
                                   ? first
                                   : parse_whole(flag, part.substr(dash + 1), least, most);
    if (last < first) {
      throw InputError(
          fmt::format("{}: {} is a range that ends before it begins", flag, text::in_quotes(part)));
    }
    for (std::uint32_t number = first; number <= last; ++number) add(flag, number, numbers);
  });
  return numbers;
}

double parse_decimal(std::string_view flag, std::string_view text, double least, double most) {
  const std::optional<double> number = decimal_of(text);
  // Written so that "nan" fails too.
  if (number && *number >= least && *number <= most) return *number;
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
