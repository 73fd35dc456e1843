// The YAML of one document as a tree that knows its places. yaml_document.cpp is the only file that
// includes the YAML library.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cbr::config {

/// A place in a text, counted from 1.
struct Place {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
};

/// A value in a YAML document.
struct YamlNode {
  enum class Kind : std::uint8_t { nothing, scalar, list, map };
  Kind kind = Kind::nothing;
  Place place;
  /// Of a scalar.
  std::string text = {};
  /// Whether a scalar is in quotes or a block, which makes it a text and nothing else.
  bool quoted = false;
  /// Of a list.
  std::vector<YamlNode> items = {};
  /// Of a map, in the order of the text; keys may come twice.
  std::vector<std::pair<YamlNode, YamlNode>> members = {};
};

/// What makes a document unreadable.
class YamlError : public std::runtime_error {
 public:
  YamlError(Place where, const std::string& text) : std::runtime_error(text), where_(where) {}
  [[nodiscard]] Place where() const { return where_; }

 private:
  Place where_;
};

/// Reads the only document of `text`. Throws YamlError for broken YAML, no document, a second one,
/// and for anchors, aliases and tags, none of which a few plain options need.
[[nodiscard]] YamlNode parse_yaml(std::string_view text);

}  // namespace cbr::config
