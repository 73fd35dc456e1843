// The JSON Schema of the file.
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/config.h>

#include "config/option_table.h"
#include "config/value_json.h"

namespace cbr {
namespace {

using Json = nlohmann::ordered_json;
using config::OptionSpec;
using config::OptionType;
using config::Section;

/// Not a control character.
constexpr const char* one_line = "^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$";

Json whole_number(const OptionSpec& spec) {
  return {{"type", "integer"}, {"minimum", spec.least}, {"maximum", spec.most}};
}

Json json_type(const OptionSpec& spec) {
  switch (spec.type) {
    case OptionType::boolean:
      return {{"type", "boolean"}};
    case OptionType::number:
      return whole_number(spec);
    case OptionType::number_or_auto: {
      Json json;
      json["anyOf"] = Json::array({whole_number(spec), {{"const", "auto"}}});
      return json;
    }
    case OptionType::choice: {
      Json json;
      json["enum"] = Json(spec.choices);
      return json;
    }
    case OptionType::text:
      // YAML without quotes makes something else of a text such as a device's index.
      return {{"type", Json::array({"string", "number", "boolean"})},
              {"minLength", spec.least},
              {"maxLength", spec.most},
              {"pattern", one_line}};
    case OptionType::numbers:
      return {{"type", "array"}, {"items", whole_number(spec)}, {"maxItems", spec.most_numbers}};
  }
  return {};
}

/// Reserved slots need the strategy that hands them out.
Json reserved_slots_rule() {
  Json rule;
  rule["if"] = {{"required", Json::array({"reserved_slots"})},
                {"properties", {{"reserved_slots", {{"minItems", 1}}}}}};
  rule["then"] = {{"required", Json::array({"allocation_strategy"})},
                  {"properties", {{"allocation_strategy", {{"const", "priority"}}}}}};
  return rule;
}

Json section_of(Section section, const char* description) {
  Json properties = Json::object();
  for (const OptionSpec& spec : config::option_table()) {
    if (spec.section != section) continue;
    Json json = {{"description", spec.unit.empty()
                                     ? std::string(spec.description)
                                     : fmt::format("{} Unit: {}.", spec.description, spec.unit)},
                 {"default", config::json_of(config::default_of(spec))}};
    json.update(json_type(spec));
    properties[std::string(spec.key)] = std::move(json);
  }
  if (section == Section::optimizations) {
    properties[std::string(config::ring_section)] = {{"$ref", "#/definitions/ring"}};
    for (const config::IgnoredKey& ignored : config::ignored_keys()) {
      properties[std::string(ignored.key)] = {{"description", ignored.description}};
    }
  }
  Json json = {{"description", description},
               {"type", "object"},
               {"additionalProperties", false},
               {"properties", std::move(properties)}};
  if (section == Section::ring) json.update(reserved_slots_rule());
  return json;
}

/// A file whose only key is `name`.
Json inside(std::string_view name) {
  Json properties = Json::object();
  properties[std::string(name)] = {{"$ref", "#/definitions/optimizations"}};
  return {{"type", "object"},
          {"additionalProperties", false},
          {"required", Json::array({name})},
          {"properties", std::move(properties)}};
}

}  // namespace

std::string config_schema() {
  Json schema;
  schema["$schema"] = "http://json-schema.org/draft-07/schema#";
  schema["title"] = "Configuration of Command Buffer Ring";
  schema["description"] =
      "The section stands under metal_optimizations, under gpu_optimizations, or alone.";
  schema["anyOf"] = Json::array({inside(config::metal_section),
                                 inside(config::neutral_section),
                                 {{"$ref", "#/definitions/optimizations"}}});
  schema["definitions"]["optimizations"] =
      section_of(Section::optimizations, "What runs the work, and the ring.");
  schema["definitions"]["ring"] = section_of(Section::ring, "The ring of command buffers.");
  return schema.dump(2) + '\n';
}

}  // namespace cbr
