#include "decode/tokenizer_file.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/errors.h>

#include "decode/json_file.h"
#include "text/printable.h"

namespace cbr::decode {
namespace {

using nlohmann::json;

constexpr std::uint64_t largest_tokenizer = 256U << 20U;
constexpr std::uint64_t largest_id = (std::uint64_t{1} << 31U) - 1;
// Each is compiled, which can take a thousand times the memory and time of its text.
constexpr std::size_t most_splits = 16;
constexpr std::size_t most_prefix_tokens = 64;
constexpr std::string_view gpt_2_pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// The members of a list in the file, each with its place: "KEY[3]".
std::vector<JsonObject> objects(const JsonObject& parent, std::string_view key) {
  std::vector<JsonObject> list;
  for (const json& value : parent.array(key)) {
    list.emplace_back(value, parent.file(),
                      fmt::format("{}[{}]", parent.place_of(key), list.size()));
  }
  return list;
}

void refuse_if_true(const JsonObject& object, std::string_view key) {
  if (object.boolean(key, false)) object.fail(key, "is true, which is unsupported");
}

void check_type(const JsonObject& object, std::string_view supported) {
  const std::string& type = object.string("type");
  if (type != supported) {
    object.fail("type", fmt::format("is {}, which is unsupported; expected \"{}\"",
                                    text::in_quotes(type), supported));
  }
}

// The object under `key`, or its list under `list` when it is a Sequence.
std::vector<JsonObject> steps(const JsonObject& root, std::string_view key, std::string_view list) {
  if (!root.has(key)) return {};
  const JsonObject step = root.object(key);
  if (step.string("type") != "Sequence") return {step};
  return objects(step, list);
}

void read_vocabulary(const JsonObject& model, TokenizerFile& result) {
  const JsonObject vocabulary = model.object("vocab");
  std::vector<VocabularyEntry> entries;
  entries.reserve(vocabulary.value().size());
  for (const auto& [entry, value] : vocabulary.value().items()) {
    const auto id = static_cast<TokenId>(vocabulary.integer(entry, 0, largest_id));
    entries.push_back({entry, id});
  }
  result.vocabulary = Vocabulary(std::move(entries));
  const std::span<const std::uint32_t> by_id = result.vocabulary.by_id();
  for (std::size_t i = 1; i < by_id.size(); ++i) {
    const VocabularyEntry& first = result.vocabulary.entries()[by_id[i - 1]];
    const VocabularyEntry& second = result.vocabulary.entries()[by_id[i]];
    if (first.id != second.id) continue;
    vocabulary.fail(second.text, fmt::format("is {}, the id of {} too; expected one id each",
                                             second.id, text::in_quotes(first.text)));
  }
}

// A merge is "left right" or ["left", "right"].
std::pair<std::string, std::string> read_pair(const json& value, const JsonObject& model,
                                              const std::string& place) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    const std::size_t space = text.find(' ');
    if (space != std::string::npos && text.find(' ', space + 1) == std::string::npos) {
      return {text.substr(0, space), text.substr(space + 1)};
    }
  } else if (value.is_array() && value.size() == 2 && value[0].is_string() &&
             value[1].is_string()) {
    return {value[0].get<std::string>(), value[1].get<std::string>()};
  }
  model.fail(place, fmt::format("is {}; expected two tokens", describe(value)));
}

void read_merges(const JsonObject& model, TokenizerFile& result) {
  const json& list = model.array("merges");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string place = fmt::format("merges[{}]", i);
    const auto [left, right] = read_pair(list[i], model, place);
    const auto id_of = [&](const std::string& entry) {
      const auto id = result.vocabulary.id_of(entry);
      if (!id) {
        model.fail(place, fmt::format("needs the token {}, which is not in the vocabulary",
                                      text::in_quotes(entry)));
      }
      return *id;
    };
    result.merges.push_back({id_of(left), id_of(right), id_of(left + right)});
  }
}

void refuse_if_text(const JsonObject& model, std::string_view key) {
  if (model.has(key) && !model.string(key).empty()) {
    model.fail(key, fmt::format("is {}, which is unsupported; expected null",
                                text::in_quotes(model.string(key))));
  }
}

void read_model(const JsonObject& root, TokenizerFile& result) {
  const JsonObject model = root.object("model");
  if (model.has("type")) check_type(model, "BPE");
  refuse_if_text(model, "continuing_subword_prefix");
  refuse_if_text(model, "end_of_word_suffix");
  refuse_if_true(model, "byte_fallback");
  if (model.has("dropout")) static_cast<void>(model.number("dropout", 0, 0));
  result.ignores_merges = model.boolean("ignore_merges", false);
  read_vocabulary(model, result);
  read_merges(model, result);
}

AddedToken read_added_token(const JsonObject& entry) {
  for (const std::string_view key : {"single_word", "lstrip", "rstrip"}) refuse_if_true(entry, key);
  AddedToken token;
  token.id = static_cast<TokenId>(entry.integer("id", 0, largest_id));
  token.content = entry.string("content");
  token.is_special = entry.boolean("special", false);
  // The format's default: a special token is looked for in the raw text.
  token.is_normalized = entry.boolean("normalized", !token.is_special);
  if (token.content.empty()) entry.fail("content", "is \"\"; expected text");
  return token;
}

void read_added_tokens(const JsonObject& root, TokenizerFile& result) {
  if (!root.has("added_tokens")) return;
  std::map<TokenId, std::string> content_of;
  std::map<std::string, TokenId> id_of;
  for (const JsonObject& entry : objects(root, "added_tokens")) {
    AddedToken token = read_added_token(entry);
    // An added token may stand in the vocabulary too, but then both must agree.
    const std::string* same_id = result.vocabulary.text_of(token.id);
    if (same_id != nullptr && *same_id != token.content) {
      entry.fail("id", fmt::format("is {}, the id of {} too; expected one id each", token.id,
                                   text::in_quotes(*same_id)));
    }
    const auto& [added_id, added_content] = *content_of.emplace(token.id, token.content).first;
    if (added_content != token.content) {
      entry.fail("id", fmt::format("is {}, the id of {} too; expected one id each", added_id,
                                   text::in_quotes(added_content)));
    }
    const auto [known, is_new] = id_of.emplace(token.content, token.id);
    const TokenId id = result.vocabulary.id_of(token.content).value_or(known->second);
    if (id != token.id) {
      entry.fail("id", fmt::format("is {}, but {} has the id {} already", token.id,
                                   text::in_quotes(token.content), id));
    }
    if (!is_new) entry.fail("id", fmt::format("is {}, which is added twice", token.id));
    result.added_tokens.push_back(std::move(token));
  }
}

SplitRule read_split(const JsonObject& step) {
  refuse_if_true(step, "invert");
  if (step.string("behavior") != "Isolated") {
    step.fail("behavior", fmt::format("is {}, which is unsupported; expected \"Isolated\"",
                                      text::in_quotes(step.string("behavior"))));
  }
  const JsonObject pattern = step.object("pattern");
  const bool is_literal = pattern.has("String");
  const std::string_view key = is_literal ? "String" : "Regex";
  return {pattern.string(key), is_literal,
          fmt::format("{}: {}", step.file(), pattern.place_of(key))};
}

// Any number of Split steps, then one ByteLevel step.
void read_pre_tokenizer(const JsonObject& root, TokenizerFile& result) {
  const std::vector<JsonObject> list = steps(root, "pre_tokenizer", "pretokenizers");
  if (list.empty()) {
    root.fail("pre_tokenizer", "has no steps; expected ByteLevel, or Split and then ByteLevel");
  }
  if (list.size() > most_splits + 1) {
    root.fail("pre_tokenizer",
              fmt::format("has {} steps; at most {} are allowed", list.size(), most_splits + 1));
  }
  for (std::size_t i = 0; i + 1 < list.size(); ++i) {
    check_type(list[i], "Split");
    result.splits.push_back(read_split(list[i]));
  }
  const JsonObject& last = list.back();
  check_type(last, "ByteLevel");
  refuse_if_true(last, "add_prefix_space");
  if (last.boolean("use_regex", true)) {
    result.splits.push_back({std::string(gpt_2_pattern), false,
                             fmt::format("{}: {}", last.file(), last.place_of("use_regex"))});
  }
}

void read_normalizer(const JsonObject& root, TokenizerFile& result) {
  for (const JsonObject& step : steps(root, "normalizer", "normalizers")) {
    check_type(step, "NFC");
    result.has_nfc = true;
  }
}

bool has_token(const TokenizerFile& file, TokenId id) {
  return file.vocabulary.text_of(id) != nullptr ||
         std::ranges::any_of(file.added_tokens,
                             [id](const AddedToken& token) { return token.id == id; });
}

// The ids of a special token that a template names.
void read_template_token(const JsonObject& processor, const std::string& name,
                         TokenizerFile& result) {
  const JsonObject token = processor.object("special_tokens").object(name);
  for (const json& value : token.array("ids")) {
    const auto id = value.is_number_unsigned() ? value.get<std::uint64_t>() : largest_id + 1;
    if (id > largest_id || !has_token(result, static_cast<TokenId>(id))) {
      token.fail("ids", fmt::format("holds {}; expected ids of tokens", describe(value)));
    }
    if (result.prompt_prefix.size() == most_prefix_tokens) {
      token.fail("ids", fmt::format("makes more than the {} tokens that are allowed before a text",
                                    most_prefix_tokens));
    }
    result.prompt_prefix.push_back(static_cast<TokenId>(id));
  }
}

// A template of special tokens round the text, "single" where there is one text. Those before it
// are taken over. Those behind it would end a prompt that is to be continued.
void read_template(const JsonObject& processor, TokenizerFile& result) {
  bool is_text_passed = false;
  for (const JsonObject& part : objects(processor, "single")) {
    if (part.has("Sequence")) {
      if (is_text_passed) part.fail("Sequence", "comes twice; expected one text");
      is_text_passed = true;
      continue;
    }
    const JsonObject token = part.object("SpecialToken");
    if (is_text_passed) {
      token.fail("id", fmt::format("is {}, behind the text, which is unsupported; expected tokens "
                                   "before it alone",
                                   text::in_quotes(token.string("id"))));
    }
    read_template_token(processor, token.string("id"), result);
  }
  if (!is_text_passed) processor.fail("single", "has no Sequence; expected the text in it");
}

// ByteLevel has an effect on offsets alone.
void read_post_processor(const JsonObject& root, TokenizerFile& result) {
  for (const JsonObject& step : steps(root, "post_processor", "processors")) {
    if (step.string("type") == "TemplateProcessing") {
      read_template(step, result);
    } else {
      check_type(step, "ByteLevel");
    }
  }
}

}  // namespace

TokenizerFile TokenizerFile::read(const std::filesystem::path& path) {
  const json document = read_json_file(path, largest_tokenizer);
  const JsonObject root(document, text::printable_path(path));
  TokenizerFile result;
  read_normalizer(root, result);
  read_pre_tokenizer(root, result);
  // It changes text unless it is ByteLevel.
  for (const JsonObject& step : steps(root, "decoder", "decoders")) check_type(step, "ByteLevel");
  read_model(root, result);
  read_added_tokens(root, result);
  read_post_processor(root, result);
  return result;
}

}  // namespace cbr::decode
