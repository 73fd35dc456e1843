#include "config/yaml_document.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <sstream>
#include <string>

#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace cbr::config {
namespace {

constexpr std::uint32_t last_line = std::numeric_limits<std::uint32_t>::max();

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

  [[nodiscard]] bool has_document() const { return has_document_; }
  [[nodiscard]] YamlNode take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    has_document_ = true;
    document_place_ = place_of(mark);
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
    if (!node.quoted) refuse_unseen(mark, value);
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

  /// Text from a web page is indented with spaces that are none, and so becomes part of a word.
  void refuse_unseen(const YAML::Mark& mark, std::string_view word) const {
    if (mark.is_null() || !has_unseen(word)) return;
    const auto unseen = source_.find_unseen(static_cast<std::size_t>(mark.line),
                                            static_cast<std::size_t>(mark.column), last_line);
    if (unseen) throw YamlError(unseen->where, describe(*unseen));
  }

  [[nodiscard]] YamlNode checked(const YAML::Mark& mark, YamlNode::Kind kind,
                                 const std::string& tag, YAML::anchor_t anchor) {
    const Place place = place_of(mark);
    if (open_.empty() && kind != YamlNode::Kind::nothing) {
      if (has_root_) throw YamlError(document_place_, "a second document begins; expected one");
      has_root_ = true;
    }
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
      if (node.kind != YamlNode::Kind::nothing || !has_root_) root_ = std::move(node);
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
  bool has_document_ = false;
  /// Of the one that is being read.
  Place document_place_;
  YamlNode root_;
  /// Whether root_ is more than nothing.
  bool has_root_ = false;
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
  // The library stumbles where the unseen character is, or in the line behind it.
  const std::size_t line_before = place.line > 1 ? place.line - 2 : 0;
  if (const auto unseen = source.find_unseen(line_before, 0, place.line)) {
    return {unseen->where, fmt::format("{} ({})", describe(*unseen), text)};
  }
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
