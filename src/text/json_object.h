// JSON that nobody vouches for: bounded, without duplicate keys, with errors that name the file and
// the place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace cbr::text {

/// The deepest nesting of arrays and objects that parse_json_object() accepts.
inline constexpr std::size_t deepest_json = 64;

/// Parses one JSON object. `file` stands at the front of error messages. NaN, Infinity and
/// -Infinity are numbers, as Python's json module writes them. Throws InputError when `text` is not
/// JSON, not an object, nested deeper than deepest_json, or gives an object one key twice.
[[nodiscard]] nlohmann::json parse_json_object(std::string_view text, std::string_view file);

/// Where a text ended in the middle of its JSON.
struct JsonCut {
  /// How many arrays and objects were open, the outermost included.
  std::size_t depth = 0;
};

/// The same for a text that may have lost its end, which is what a full disk or a process that was
/// killed leaves behind: what is there of the object, and where it ends. The last number is left
/// out where the text ends with it, for it may have had more digits.
[[nodiscard]] nlohmann::json parse_json_beginning(std::string_view text, std::string_view file,
                                                  std::optional<JsonCut>& cut);

/// Describes a JSON value for an error message: the value if it is short, else its kind.
[[nodiscard]] std::string describe(const nlohmann::json& value);

/// Typed access to the members of one JSON object. It refers to the object and does not own it.
/// Each getter throws InputError naming the file, the member, its value and what is allowed.
class JsonObject {
 public:
  /// `place` is the dotted path of `value` in the file; empty for the outermost object.
  /// Throws InputError if `value` is not an object.
  JsonObject(const nlohmann::json& value, std::string file, std::string place = {});

  /// Whether the member is there and not null.
  [[nodiscard]] bool has(std::string_view key) const;
  /// The member. Throws if it is missing.
  [[nodiscard]] const nlohmann::json& at(std::string_view key) const;
  /// An integer from `least` to `most`.
  [[nodiscard]] std::uint64_t integer(std::string_view key, std::uint64_t least,
                                      std::uint64_t most) const;
  /// A number from `least` to `most`.
  [[nodiscard]] double number(std::string_view key, double least, double most) const;
  /// true or false; `fallback` where the member is missing or null.
  [[nodiscard]] bool boolean(std::string_view key, bool fallback) const;
  /// A string.
  [[nodiscard]] const std::string& string(std::string_view key) const;
  /// An array.
  [[nodiscard]] const nlohmann::json& array(std::string_view key) const;
  /// An object.
  [[nodiscard]] JsonObject object(std::string_view key) const;
  /// The object itself.
  [[nodiscard]] const nlohmann::json& value() const { return *value_; }
  /// The file's name, as in error messages.
  [[nodiscard]] const std::string& file() const { return file_; }
  /// The dotted path of a member.
  [[nodiscard]] std::string place_of(std::string_view key) const;
  /// Throws InputError: "FILE: PLACE: PROBLEM".
  [[noreturn]] void fail(std::string_view key, std::string_view problem) const;

 private:
  const nlohmann::json* value_;
  std::string file_;
  std::string place_;
};

}  // namespace cbr::text
