#include "decode/json_file.h"

#include <cmath>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/errors.h>

#include "decode/mapped_file.h"
#include "decode/printable.h"

namespace cbr::decode {
namespace {

using nlohmann::json;

// Builds the document itself, because the library's own builder keeps the last of two equal keys
// and has no limit on depth.
class DocumentBuilder final : public nlohmann::json_sax<json> {
 public:
  explicit DocumentBuilder(std::string_view file) : file_(file) {}

  [[nodiscard]] json take() { return std::move(root_); }

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t& /*text*/) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*size*/) override { return open(json::object()); }
  bool start_array(std::size_t /*size*/) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    const auto [member, is_new] = open_.back()->get_ref<json::object_t&>().emplace(name, nullptr);
    if (!is_new) {
      throw InputError(fmt::format("{}: {}: the key is given twice", file_, in_quotes(name)));
    }
    member_ = &member->second;
    return true;
  }

  bool parse_error(std::size_t position, const std::string& last_token,
                   const json::exception& /*error*/) override {
    throw InputError(fmt::format("{}: byte {}: is not valid JSON near {}", file_, position,
                                 in_quotes(last_token)));
  }

 private:
  json& place(json value) {
    if (open_.empty()) return root_ = std::move(value);
    json& parent = *open_.back();
    if (parent.is_object()) return *member_ = std::move(value);
    parent.push_back(std::move(value));
    return parent.back();
  }

  bool put(json value) {
    place(std::move(value));
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
    open_.pop_back();
    return true;
  }

  std::string_view file_;
  json root_;
  std::vector<json*> open_;
  json* member_ = nullptr;
};

}  // namespace

json parse_json_object(std::string_view text, std::string_view file) {
  DocumentBuilder builder(file);
  json::sax_parse(text.begin(), text.end(), &builder);
  json document = builder.take();
  if (!document.is_object()) {
    throw InputError(fmt::format("{}: is {}; expected a JSON object", file, describe(document)));
  }
  return document;
}

json read_json_file(const std::filesystem::path& path, std::uint64_t largest) {
  const MappedFile file(path);
  if (file.bytes().size() > largest) {
    throw InputError(fmt::format("{}: has {} bytes; at most {} are allowed", printable_path(path),
                                 file.bytes().size(), largest));
  }
  return parse_json_object(file.text(), printable_path(path));
}

std::string describe(const json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return fmt::format("an array of {}", value.size());
  if (value.is_string()) return in_quotes(value.get_ref<const std::string&>());
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

}  // namespace cbr::decode
