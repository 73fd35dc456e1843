#include "config/yaml_document.h"

#include <algorithm>
#include <sstream>
#include <string>

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace cbr::config {
namespace {

Place place_of(const YAML::Mark& mark, const SourceText& source) {
  if (mark.is_null()) return {};
  return source.place_of(static_cast<std::size_t>(mark.line),
                         static_cast<std::size_t>(mark.column));
}

/// What may help with a mistake that the YAML library reports in its own words.
std::string_view hint_for(std::string_view message) {
  namespace ErrorMsg = YAML::ErrorMsg;
  if (message == ErrorMsg::MAP_VALUE) {
    return "; is the line indented like those beside it? A text with \": \" in it needs quotes";
  }
  if (message == ErrorMsg::END_OF_MAP || message == ErrorMsg::END_OF_SEQ ||
      message == ErrorMsg::BLOCK_ENTRY) {
    return "; is the line indented like those beside it?";
  }
  if (message == ErrorMsg::END_OF_MAP_FLOW) return "; is there a } for each {?";
  if (message == ErrorMsg::END_OF_SEQ_FLOW) return "; is there a ] for each [?";
  if (message == ErrorMsg::UNKNOWN_TOKEN) return "; a text that begins like this needs quotes";
  return {};
}

/// Builds the tree from the parser's events.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const SourceText& source) : source_(source) {}

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
  [[nodiscard]] Place place_of(const YAML::Mark& mark) const {
    return config::place_of(mark, source_);
  }

  [[nodiscard]] YamlNode checked(const YAML::Mark& mark, YamlNode::Kind kind,
                                 const std::string& tag, YAML::anchor_t anchor) const {
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
    } else if (!keys_.empty() && keys_.back().first == open_.size()) {
      // The library finds a value that is left out where the next word stands, or at the end.
      const Place key = keys_.back().second.place;
      const bool is_beside = node.place.line == key.line && node.place.column > key.column;
      if (node.kind == YamlNode::Kind::nothing && !is_beside) node.place = key;
      parent.members.emplace_back(std::move(keys_.back().second), std::move(node));
      keys_.pop_back();
    } else {
      keys_.emplace_back(open_.size(), std::move(node));
    }
  }

  const SourceText& source_;
  int documents_ = 0;
  YamlNode root_;
  /// Lists and maps whose end has not come, the innermost last.
  std::vector<YamlNode> open_;
  /// Keys whose values have not come, with the depth of their maps.
  std::vector<std::pair<std::size_t, YamlNode>> keys_;
};

/// Says what is wrong and where.
YamlError explain(const YAML::Exception& error, const SourceText& source) {
  Place place = place_of(error.mark, source);
  if (dynamic_cast<const YAML::DeepRecursion*>(&error) != nullptr) {
    return {place, "lists and sections are nested too deeply"};
  }
  std::string text = "broken YAML: " + error.msg;
  const std::string_view line = source.line(place.line);
  const std::size_t indentation = std::min(line.find_first_not_of(" \t"), line.size());
  const std::size_t tab = line.substr(0, indentation).find('\t');
  if (tab != std::string_view::npos) {
    place.column = static_cast<std::uint32_t>(tab) + 1;
    return {place, text + "; indent with spaces, not with tabs"};
  }
  return {place, text.append(hint_for(error.msg))};
}

}  // namespace

YamlNode parse_yaml(std::string_view text) {
  const SourceText source(text);
  std::istringstream stream{std::string(source.text())};
  TreeBuilder builder(source);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    throw explain(error, source);
  }
  if (!builder.has_document()) throw YamlError({}, "the file is empty; expected options");
  return builder.take_root();
}

}  // namespace cbr::config
