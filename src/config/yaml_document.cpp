#include "config/yaml_document.h"

#include <sstream>
#include <string>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace cbr::config {
namespace {

Place place_of(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {.line = static_cast<std::uint32_t>(mark.line) + 1,
          .column = static_cast<std::uint32_t>(mark.column) + 1};
}

/// Builds the tree from the parser's events.
class TreeBuilder final : public YAML::EventHandler {
 public:
  [[nodiscard]] bool has_document() const { return documents_ > 0; }
  [[nodiscard]] YamlNode take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) throw YamlError(place_of(mark), "a second document begins; expected one");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(checked(mark, YamlNode::Kind::nothing, {}, anchor));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    throw YamlError(place_of(mark), "an alias (*) stands here; write the value itself");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node = checked(mark, YamlNode::Kind::scalar, tag, anchor);
    node.text = value;
    node.quoted = tag == "!";
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open_.push_back(checked(mark, YamlNode::Kind::list, tag, anchor));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open_.push_back(checked(mark, YamlNode::Kind::map, tag, anchor));
  }
  void OnMapEnd() override { close(); }

 private:
  static YamlNode checked(const YAML::Mark& mark, YamlNode::Kind kind, const std::string& tag,
                          YAML::anchor_t anchor) {
    const Place place = place_of(mark);
    if (anchor != YAML::NullAnchor) {
      throw YamlError(place, "an anchor (&) stands here; write the value where it is needed");
    }
    // "?" is a value without a tag, "!" one in quotes.
    if (!tag.empty() && tag != "?" && tag != "!") {
      throw YamlError(place, "a tag (!) stands here; write the value alone");
    }
    return {.kind = kind, .place = place};
  }

  void close() {
    YamlNode node = std::move(open_.back());
    open_.pop_back();
    add(std::move(node));
  }

  void add(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    YamlNode& parent = open_.back();
    if (parent.kind == YamlNode::Kind::list) {
      parent.items.push_back(std::move(node));
    } else if (keys_.size() > 0 && keys_.back().first == open_.size()) {
      parent.members.emplace_back(std::move(keys_.back().second), std::move(node));
      keys_.pop_back();
    } else {
      keys_.emplace_back(open_.size(), std::move(node));
    }
  }

  int documents_ = 0;
  YamlNode root_;
  /// Lists and maps whose end has not come, the innermost last.
  std::vector<YamlNode> open_;
  /// Keys whose values have not come, with the depth of their maps.
  std::vector<std::pair<std::size_t, YamlNode>> keys_;
};

}  // namespace

YamlNode parse_yaml(std::string_view text) {
  std::istringstream stream{std::string(text)};
  TreeBuilder builder;
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    throw YamlError(place_of(error.mark), "broken YAML: " + error.msg);
  }
  if (!builder.has_document()) throw YamlError({}, "the file is empty; expected options");
  return builder.take_root();
}

}  // namespace cbr::config
