#include "text/json_object.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/errors.h>

#include "text/printable.h"

namespace cbr::text {
namespace {

using nlohmann::json;

// A text on its way to the parser. Python's json module, which writes most of these files, writes
// NaN, Infinity and -Infinity for numbers that JSON has none for. The library refuses the whole
// file for one of them, whoever reads that key; so it is shown a string of the same length instead,
// and is_number() tells the builder which strings these are.
class PythonText {
 public:
  explicit PythonText(std::string_view text) : text_(text) { look_for_number(); }

  // Whether any of it needs this.
  static bool is_needed(std::string_view text) {
    return text.find("NaN") != std::string_view::npos ||
           text.find("Infinity") != std::string_view::npos;
  }

  [[nodiscard]] bool at_end() const { return position_ == text_.size(); }
  [[nodiscard]] std::size_t position() const { return position_; }
  // Whether the string that the parser has just read to its end is one of those numbers. The parser
  // reads nothing beyond a string before it reports it.
  [[nodiscard]] bool is_number() const { return number_end_ != 0 && position_ == number_end_; }
  [[nodiscard]] double number() const { return number_; }

  [[nodiscard]] char front() const {
    if (position_ >= number_end_) return text_[position_];
    return position_ == number_begin_ || position_ + 1 == number_end_ ? '"' : ' ';
  }

  void advance() {
    if (position_ >= number_end_) pass(text_[position_]);
    ++position_;
    if (!in_string_ && position_ >= number_end_) look_for_number();
  }

 private:
  void pass(char c) {
    if (is_escaped_) {
      is_escaped_ = false;
    } else if (c == '"') {
      in_string_ = !in_string_;
    } else if (c == '\\' && in_string_) {
      is_escaped_ = true;
    }
  }

  void look_for_number() {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const std::string_view rest = text_.substr(position_);
    for (const auto& [name, value] : {std::pair{std::string_view("NaN"), std::nan("")},
                                      std::pair{std::string_view("Infinity"), infinity},
                                      std::pair{std::string_view("-Infinity"), -infinity}}) {
      if (!rest.starts_with(name)) continue;
      number_begin_ = position_;
      number_end_ = position_ + name.size();
      number_ = value;
      return;
    }
  }

  std::string_view text_;
  std::size_t position_ = 0;
  bool in_string_ = false;
  bool is_escaped_ = false;
  std::size_t number_begin_ = 0;
  std::size_t number_end_ = 0;
  double number_ = 0;
};

// The parser's way through a PythonText, which it shares with the builder. The end has none.
class PythonTextIterator {
 public:
  // Names that the standard library asks for.
  // NOLINTBEGIN(readability-identifier-naming)
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = char;
  // NOLINTEND(readability-identifier-naming)

  explicit PythonTextIterator(PythonText* text = nullptr) : text_(text) {}

  char operator*() const { return text_->front(); }
  PythonTextIterator& operator++() {
    text_->advance();
    return *this;
  }
  PythonTextIterator operator++(int) {
    PythonTextIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const PythonTextIterator& other) const {
    return is_at_end() == other.is_at_end();
  }

 private:
  [[nodiscard]] bool is_at_end() const { return text_ == nullptr || text_->at_end(); }

  PythonText* text_;
};

// Whether the last byte may be a digit that others followed.
bool ends_in_number(std::string_view text) {
  return !text.empty() && text.back() >= '0' && text.back() <= '9';
}

// Builds the document itself, because the library's own builder keeps the last of two equal keys
// and has no limit on depth.
class DocumentBuilder final : public nlohmann::json_sax<json> {
 public:
  // `text`, where there is one, is what the parser reads. A text of `size` bytes that ends too soon
  // is an error unless it `may_be_cut`.
  DocumentBuilder(std::string_view file, const PythonText* text, std::size_t size, bool may_be_cut)
      : file_(file), text_(text), size_(size), may_be_cut_(may_be_cut) {}

  [[nodiscard]] json take() { return std::move(root_); }
  // Where it ended too soon.
  [[nodiscard]] std::optional<JsonCut> cut() const { return cut_; }
  // Takes back what the end may have mutilated: a key without a value, and where the text
  // `ends_in_number` that one.
  void drop_unfinished(bool ends_in_number) {
    const bool last_counts = last_ == Last::key || (last_ == Last::number && ends_in_number);
    if (open_.empty() || !last_counts) return;
    json& parent = *open_.back();
    if (parent.is_object()) {
      parent.get_ref<json::object_t&>().erase(member_);
    } else {
      parent.erase(parent.size() - 1);
    }
  }

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put_number(value); }
  bool number_unsigned(number_unsigned_t value) override { return put_number(value); }
  bool number_float(number_float_t value, const string_t& /*text*/) override {
    return put_number(value);
  }
  bool string(string_t& value) override {
    return put(is_number() ? json(text_->number()) : json(std::move(value)));
  }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*size*/) override { return open(json::object()); }
  bool start_array(std::size_t /*size*/) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (is_number()) {
      throw InputError(fmt::format("{}: byte {}: is not valid JSON: {} for a key", file_,
                                   text_->position(), describe(text_->number())));
    }
    const auto [member, is_new] = open_.back()->get_ref<json::object_t&>().emplace(name, nullptr);
    if (!is_new) {
      throw InputError(fmt::format("{}: {}: the key is given twice", file_, in_quotes(name)));
    }
    member_ = member;
    last_ = Last::key;
    return true;
  }

  bool parse_error(std::size_t position, const std::string& last_token,
                   const json::exception& /*error*/) override {
    // The parser has read past the end, and found nothing wrong before.
    if (may_be_cut_ && position > size_) {
      cut_ = JsonCut{open_.size()};
      return false;
    }
    throw InputError(fmt::format("{}: byte {}: is not valid JSON near {}", file_, position,
                                 in_quotes(last_token)));
  }

 private:
  json& place(json value) {
    last_ = Last::other;
    if (open_.empty()) return root_ = std::move(value);
    json& parent = *open_.back();
    if (parent.is_object()) return member_->second = std::move(value);
    parent.push_back(std::move(value));
    return parent.back();
  }

  bool put(json value) {
    place(std::move(value));
    return true;
  }

  bool put_number(json value) {
    put(std::move(value));
    last_ = Last::number;
    return true;
  }

  bool open(json value) {
    if (open_.size() == deepest_json) {
      throw InputError(
          fmt::format("{}: JSON is nested deeper than {} levels", file_, deepest_json));
    }
    // The address holds while the value is open: its parent gains no member before it closes.
    open_.push_back(&place(std::move(value)));
    return true;
  }

  bool close() {
    last_ = Last::other;
    open_.pop_back();
    return true;
  }

  [[nodiscard]] bool is_number() const { return text_ != nullptr && text_->is_number(); }

  std::string_view file_;
  const PythonText* text_;
  std::size_t size_;
  bool may_be_cut_;
  json root_;
  std::vector<json*> open_;
  // Of the innermost open object, the one whose key came last.
  json::object_t::iterator member_;
  enum class Last : std::uint8_t { key, number, other };
  Last last_ = Last::other;
  std::optional<JsonCut> cut_;
};

// `cut` is null where the text has to be whole.
json parse(std::string_view text, std::string_view file, std::optional<JsonCut>* cut) {
  PythonText python_text(text);
  const bool is_python = PythonText::is_needed(text);
  DocumentBuilder builder(file, is_python ? &python_text : nullptr, text.size(), cut != nullptr);
  if (is_python) {
    json::sax_parse(PythonTextIterator(&python_text), PythonTextIterator(), &builder);
  } else {
    json::sax_parse(text.begin(), text.end(), &builder);
  }
  if (cut != nullptr) {
    *cut = builder.cut();
    if (*cut) builder.drop_unfinished(ends_in_number(text));
  }
  json document = builder.take();
  if (!document.is_object()) {
    throw InputError(fmt::format("{}: is {}; expected a JSON object", file, describe(document)));
  }
  return document;
}

}  // namespace

json parse_json_object(std::string_view text, std::string_view file) {
  return parse(text, file, nullptr);
}

json parse_json_beginning(std::string_view text, std::string_view file,
                          std::optional<JsonCut>& cut) {
  return parse(text, file, &cut);
}

std::string describe(const json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return fmt::format("an array of {}", value.size());
  if (value.is_string()) return in_quotes(value.get_ref<const std::string&>());
  if (value.is_number_float() && !std::isfinite(value.get<double>())) {
    const auto number = value.get<double>();
    return std::isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity";
  }
  return printable(value.dump());
}

JsonObject::JsonObject(const json& value, std::string file, std::string place)
    : value_(&value), file_(std::move(file)), place_(std::move(place)) {
  if (!value.is_object()) {
    throw InputError(
        fmt::format("{}: {}: is {}; expected an object", file_, place_, describe(value)));
  }
}

bool JsonObject::has(std::string_view key) const {
  const auto member = value_->find(key);
  return member != value_->end() && !member->is_null();
}

const json& JsonObject::at(std::string_view key) const {
  const auto member = value_->find(key);
  if (member == value_->end()) fail(key, "is missing");
  return *member;
}

std::uint64_t JsonObject::integer(std::string_view key, std::uint64_t least,
                                  std::uint64_t most) const {
  const json& value = at(key);
  // The parser makes an integer too large for 64 bits a float, so this refuses that as well.
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() < least ||
      value.get<std::uint64_t>() > most) {
    fail(key,
         fmt::format("is {}; expected an integer from {} to {}", describe(value), least, most));
  }
  return value.get<std::uint64_t>();
}

double JsonObject::number(std::string_view key, double least, double most) const {
  const json& value = at(key);
  const double number = value.is_number() ? value.get<double>() : std::nan("");
  if (!(number >= least && number <= most)) {
    fail(key, fmt::format("is {}; expected a number from {} to {}", describe(value), least, most));
  }
  return number;
}

bool JsonObject::boolean(std::string_view key, bool fallback) const {
  if (!has(key)) return fallback;
  const json& value = at(key);
  if (!value.is_boolean()) {
    fail(key, fmt::format("is {}; expected true or false", describe(value)));
  }
  return value.get<bool>();
}

const std::string& JsonObject::string(std::string_view key) const {
  const json& value = at(key);
  if (!value.is_string()) fail(key, fmt::format("is {}; expected a string", describe(value)));
  return value.get_ref<const std::string&>();
}

const json& JsonObject::array(std::string_view key) const {
  const json& value = at(key);
  if (!value.is_array()) fail(key, fmt::format("is {}; expected an array", describe(value)));
  return value;
}

JsonObject JsonObject::object(std::string_view key) const {
  return {at(key), file_, place_of(key)};
}

std::string JsonObject::place_of(std::string_view key) const {
  return place_.empty() ? printable(key) : fmt::format("{}.{}", place_, printable(key));
}

void JsonObject::fail(std::string_view key, std::string_view problem) const {
  throw InputError(fmt::format("{}: {}: {}", file_, place_of(key), problem));
}

}  // namespace cbr::text
