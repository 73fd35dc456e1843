#include "decode/json_file.h"

#include <cmath>
#include <limits>
#include <optional>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "support/model_fixture.h"

namespace cbr::decode {
namespace {

using test::input_error_of;
using testing::AllOf;
using testing::HasSubstr;

std::string error_of(const std::string& text) {
  return input_error_of([&] { static_cast<void>(parse_json_object(text, "a.json")); });
}

TEST(ParseJsonObject, KeepsEveryKindOfValue) {
  const std::string text = R"({"a":[1,-2,0.5,true,null,"x",{"b":{}}],"c":{"d":[[]]}})";
  EXPECT_EQ(parse_json_object(text, "a.json"), nlohmann::json::parse(text));
}

TEST(ParseJsonObject, RefusesBrokenJson) {
  EXPECT_THAT(error_of("{\"a\": 1,}"), AllOf(HasSubstr("a.json: byte 9"), HasSubstr("\"")));
  EXPECT_THAT(error_of(""), HasSubstr("a.json: byte 1: is not valid JSON"));
  EXPECT_THAT(error_of("{} x"), HasSubstr("is not valid JSON"));
  EXPECT_THAT(error_of("{\"a\": \"\xFF\"}"), HasSubstr("is not valid JSON"));
  EXPECT_THAT(error_of("{\"a\": 1e999}"), HasSubstr("1e999"));
}

// As Python's json module writes them.
TEST(ParseJsonObject, TakesNumbersThatJsonHasNoneFor) {
  const nlohmann::json document = parse_json_object(
      R"({"NaN":"NaN","a":[Infinity,-Infinity,NaN,-1],"b": NaN ,"c\"Infinity":"\\","d":Infinity})",
      "a.json");
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(document["NaN"], "NaN");
  EXPECT_EQ(document["a"][0], infinity);
  EXPECT_EQ(document["a"][1], -infinity);
  EXPECT_TRUE(std::isnan(document["a"][2].get<double>()));
  EXPECT_EQ(document["a"][3], -1);
  EXPECT_TRUE(std::isnan(document["b"].get<double>()));
  EXPECT_EQ(document["c\"Infinity"], "\\");
  EXPECT_EQ(document["d"], infinity);
  EXPECT_EQ(parse_json_object(R"({"a":"   ","b":Infinity})", "a.json")["a"], "   ");
}

TEST(ParseJsonObject, RefusesThoseNumbersWhereANumberCannotStand) {
  for (const char* text : {"{NaN: 1}", "{\"a\": NaNNaN}", "{\"a\": 1NaN}", "{\"a\": nan}",
                           "{\"a\": +Infinity}", "{\"a\": Inf}", "{\"a\" Infinity}", "NaN"}) {
    EXPECT_THAT(error_of(text), HasSubstr("a.json: ")) << text;
  }
  // The place is that in the file.
  EXPECT_THAT(error_of("{\"a\": Infinity, x"), HasSubstr("byte 17: "));
}

TEST(ParseJsonObject, RefusesWhatIsNotAnObject) {
  EXPECT_EQ(error_of("[1]"), "a.json: is an array of 1; expected a JSON object");
  EXPECT_EQ(error_of("3"), "a.json: is 3; expected a JSON object");
}

TEST(ParseJsonObject, RefusesAKeyGivenTwice) {
  EXPECT_EQ(error_of(R"({"a":{"b":1,"b":2}})"), "a.json: \"b\": the key is given twice");
}

TEST(ParseJsonObject, RefusesDeepNesting) {
  const std::string deep = "{\"a\":" + std::string(1'000'000, '[');
  EXPECT_EQ(error_of(deep), "a.json: JSON is nested deeper than 64 levels");
  const std::string allowed = "{\"a\":" + std::string(63, '[') + std::string(63, ']') + "}";
  EXPECT_NO_THROW(static_cast<void>(parse_json_object(allowed, "a.json")));
}

TEST(ParseJsonBeginning, IsTheDocumentWhereThatIsWhole) {
  std::optional<text::JsonCut> cut;
  EXPECT_EQ(text::parse_json_beginning(R"({"a": [1, 2]})", "a.json", cut),
            nlohmann::json::parse(R"({"a": [1, 2]})"));
  EXPECT_FALSE(cut);
}

TEST(ParseJsonBeginning, KeepsWhatIsWholeWhereverItIsCut) {
  const auto beginning = [](const std::string& cut_text, std::size_t depth) {
    std::optional<text::JsonCut> cut;
    const nlohmann::json document = text::parse_json_beginning(cut_text, "a.json", cut);
    EXPECT_TRUE(cut) << cut_text;
    EXPECT_EQ(cut ? cut->depth : 0, depth) << cut_text;
    return document.dump();
  };
  EXPECT_EQ(beginning("{", 1), "{}");
  EXPECT_EQ(beginning(R"({"a)", 1), "{}");
  EXPECT_EQ(beginning(R"({"a")", 1), "{}");
  EXPECT_EQ(beginning(R"({"a":)", 1), "{}");
  // It may have been 12.
  EXPECT_EQ(beginning(R"({"a": 1)", 1), "{}");
  EXPECT_EQ(beginning(R"({"a": 1 )", 1), R"({"a":1})");
  EXPECT_EQ(beginning(R"({"a": "1)", 1), "{}");
  EXPECT_EQ(beginning(R"({"a": tru)", 1), "{}");
  EXPECT_EQ(beginning(R"({"a": true)", 1), R"({"a":true})");
  EXPECT_EQ(beginning(R"({"a": [1, 2, 3)", 2), R"({"a":[1,2]})");
  EXPECT_EQ(beginning(R"({"a": [{"b": 1}], "c)", 1), R"({"a":[{"b":1}]})");
  EXPECT_EQ(beginning(R"({"a": [Infinity, "b)", 2), R"({"a":[null]})");
}

TEST(ParseJsonBeginning, RefusesWhatIsWrongBeforeTheEnd) {
  const auto error_at_the_beginning = [](const std::string& wrong) {
    return input_error_of([&] {
      std::optional<text::JsonCut> cut;
      static_cast<void>(text::parse_json_beginning(wrong, "a.json", cut));
    });
  };
  EXPECT_THAT(error_at_the_beginning(R"({"a": x)"), HasSubstr("a.json: byte 7: is not valid JSON"));
  EXPECT_THAT(error_at_the_beginning(R"({"a": 1, "a": [)"), HasSubstr("the key is given twice"));
  EXPECT_THAT(error_at_the_beginning(R"({} {)"), HasSubstr("is not valid JSON"));
  EXPECT_THAT(error_at_the_beginning(R"([1,)"), HasSubstr("expected a JSON object"));
}

TEST(ReadJsonFile, NamesTheFileThatIsMissingOrTooLong) {
  const test::TemporaryDirectory directory;
  const auto missing = directory.path() / "none.json";
  EXPECT_EQ(input_error_of([&] { static_cast<void>(read_json_file(missing, 10)); }),
            missing.string() + ": cannot open the file: No such file or directory");
  const auto longer = directory.write("long.json", "{\"a\":123456}");
  EXPECT_EQ(input_error_of([&] { static_cast<void>(read_json_file(longer, 10)); }),
            longer.string() + ": has 12 bytes; at most 10 are allowed");
  EXPECT_EQ(input_error_of([&] { static_cast<void>(read_json_file(directory.path(), 10)); }),
            directory.path().string() + ": is not a regular file");
}

TEST(JsonObject, NamesPlaceValueAndLimit) {
  const auto json = nlohmann::json::parse(R"({"m":{"n":300,"f":1.5,"s":"x","t":null}})");
  const JsonObject object = JsonObject(json, "a.json").object("m");
  const auto error = [&](auto getter) {
    return input_error_of([&] { static_cast<void>(getter(object)); });
  };
  EXPECT_EQ(error([](const JsonObject& o) { return o.integer("n", 1, 256); }),
            "a.json: m.n: is 300; expected an integer from 1 to 256");
  EXPECT_EQ(error([](const JsonObject& o) { return o.integer("f", 1, 256); }),
            "a.json: m.f: is 1.5; expected an integer from 1 to 256");
  EXPECT_EQ(error([](const JsonObject& o) { return o.integer("none", 1, 256); }),
            "a.json: m.none: is missing");
  EXPECT_EQ(error([](const JsonObject& o) { return o.number("s", 0, 1); }),
            "a.json: m.s: is \"x\"; expected a number from 0 to 1");
  EXPECT_EQ(error([](const JsonObject& o) { return o.boolean("n", false); }),
            "a.json: m.n: is 300; expected true or false");
  EXPECT_EQ(error([](const JsonObject& o) { return o.string("n"); }),
            "a.json: m.n: is 300; expected a string");
  EXPECT_EQ(error([](const JsonObject& o) { return o.array("s"); }),
            "a.json: m.s: is \"x\"; expected an array");
  EXPECT_EQ(error([](const JsonObject& o) { return o.object("s").file(); }),
            "a.json: m.s: is \"x\"; expected an object");
  EXPECT_FALSE(object.has("t"));
  const auto infinite = parse_json_object(R"({"n":Infinity,"m":NaN})", "a.json");
  const JsonObject numbers(infinite, "a.json");
  EXPECT_EQ(input_error_of([&] { (void)numbers.number("n", 0, 1e300); }),
            "a.json: n: is Infinity; expected a number from 0 to 1e+300");
  EXPECT_EQ(input_error_of([&] { (void)numbers.integer("m", 0, 1); }),
            "a.json: m: is NaN; expected an integer from 0 to 1");
  EXPECT_TRUE(object.boolean("t", true));
}

}  // namespace
}  // namespace cbr::decode
