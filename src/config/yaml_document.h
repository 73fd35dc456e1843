// The YAML of one document as a tree that knows its places. yaml_document.cpp is the only file that
// includes the YAML library.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/source_text.h"

namespace cbr::config {

/// A value in a YAML document.
struct YamlNode {
  enum class Kind : std::uint8_t { nothing, scalar, list, map };
  Kind kind = Kind::nothing;
  /// Where it begins. Of a value that is left out: where its key begins.
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

/// Reads the only document of `text` that has anything in it: templates leave empty ones before and
/// behind. Throws YamlError for what is no UTF-8, for broken YAML, no document, a second one, for
/// characters outside quotes that nobody sees, and for anchors, aliases and tags, none of which a
/// few plain options need.
[[nodiscard]] YamlNode parse_yaml(std::string_view text);

}  // namespace cbr::config
