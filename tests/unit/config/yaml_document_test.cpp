#include "config/yaml_document.h"

#include <string>

#include <gtest/gtest.h>

namespace cbr::config {
namespace {

using Kind = YamlNode::Kind;

/// "LINE:COLUMN TEXT" of the error.
std::string error_of(std::string_view yaml) {
  try {
    (void)parse_yaml(yaml);
  } catch (const YamlError& error) {
    return std::to_string(error.where().line) + ":" + std::to_string(error.where().column) + " " +
           error.what();
  }
  return "no error";
}

TEST(YamlDocument, KeepsOrderPlacesAndQuotes) {
  const YamlNode root = parse_yaml("a: 1\nb:\n  c: '2'\n  d: [3, 4]\n  e:\n");
  ASSERT_EQ(root.kind, Kind::map);
  ASSERT_EQ(root.members.size(), 2U);
  const auto& [key, value] = root.members[0];
  EXPECT_EQ(key.text, "a");
  EXPECT_EQ(value.text, "1");
  EXPECT_FALSE(value.quoted);
  EXPECT_EQ(value.place.line, 1U);
  EXPECT_EQ(value.place.column, 4U);
  const YamlNode& inner = root.members[1].second;
  ASSERT_EQ(inner.members.size(), 3U);
  EXPECT_TRUE(inner.members[0].second.quoted);
  EXPECT_EQ(inner.members[0].second.text, "2");
  EXPECT_EQ(inner.members[1].first.place.line, 4U);
  EXPECT_EQ(inner.members[1].first.place.column, 3U);
  ASSERT_EQ(inner.members[1].second.kind, Kind::list);
  EXPECT_EQ(inner.members[1].second.items[1].text, "4");
  EXPECT_EQ(inner.members[1].second.items[1].place.column, 10U);
  EXPECT_EQ(inner.members[2].second.kind, Kind::nothing);
}

TEST(YamlDocument, KeepsDuplicateAndNestedKeys) {
  const YamlNode root = parse_yaml("{a: 1, a: {b: {c: 2}, d: 3}}");
  ASSERT_EQ(root.members.size(), 2U);
  EXPECT_EQ(root.members[1].first.text, "a");
  ASSERT_EQ(root.members[1].second.members.size(), 2U);
  EXPECT_EQ(root.members[1].second.members[1].second.text, "3");
}

TEST(YamlDocument, AcceptsMapsAsKeys) {
  const YamlNode root = parse_yaml("? {a: 1}\n: 2\nb: 3\n");
  ASSERT_EQ(root.members.size(), 2U);
  EXPECT_EQ(root.members[0].first.kind, Kind::map);
  EXPECT_EQ(root.members[0].second.text, "2");
  EXPECT_EQ(root.members[1].first.text, "b");
}

TEST(YamlDocument, TellsThePlaceOfBrokenYaml) {
  EXPECT_EQ(error_of("a: 1\nb: [1, 2\n").substr(0, 17), "3:1 broken YAML: ");
  EXPECT_NE(error_of("a: 'x"), "no error");
  EXPECT_NE(error_of("a: 1\n\tb: 2\n"), "no error");
  EXPECT_NE(error_of(std::string(100'000, '[')), "no error");
  EXPECT_NE(error_of(std::string(100'000, '{')), "no error");
}

TEST(YamlDocument, SaysWhatMayHelp) {
  const std::string indentation = "; is the line indented like those beside it?";
  EXPECT_EQ(error_of("a:\n\tb: 2\n"),
            "2:1 broken YAML: illegal map value; indent with spaces, not with tabs");
  EXPECT_EQ(error_of("a:\n  b: 2\n  \tc: 3\n"),
            "3:3 broken YAML: illegal tab when looking for indentation; indent with spaces, not "
            "with tabs");
  EXPECT_EQ(error_of("a:\n  b: 2\n   c: 3\n"), "3:5 broken YAML: illegal map value" + indentation +
                                                   " A text with \": \" in it needs quotes");
  EXPECT_EQ(error_of("a:\n  b: 2\n c: 3\n"), "3:2 broken YAML: end of map not found" + indentation);
  EXPECT_EQ(error_of("a: @x\n"),
            "1:4 broken YAML: unknown token; a text that begins like this needs quotes");
  EXPECT_EQ(error_of("a: [1\n"),
            "2:1 broken YAML: end of sequence flow not found; is there a ] for each [?");
  EXPECT_EQ(error_of("{a: 1\n"),
            "2:1 broken YAML: end of map flow not found; is there a } for each {?");
  std::string deep = "a:\n";
  for (std::size_t i = 1; i < 900; ++i) deep += std::string(i, ' ') + "a:\n";
  EXPECT_TRUE(error_of(deep).ends_with(" lists and sections are nested too deeply"))
      << error_of(deep);
}

TEST(YamlDocument, CountsColumnsInCharacters) {
  const YamlNode root = parse_yaml("{name: größe, size: 0}");
  EXPECT_EQ(root.members[1].first.place.column, 15U);
  EXPECT_EQ(root.members[1].second.place.column, 21U);
  EXPECT_EQ(error_of("ö: &x 1\n").substr(0, 4), "1:4 ");
}

TEST(YamlDocument, AValueThatIsLeftOutStandsWhereItsKeyDoes) {
  const YamlNode root = parse_yaml("a: 1\nb:   # nothing\n\nc: ~\nd:\n");
  EXPECT_EQ(root.members[1].second.kind, Kind::nothing);
  EXPECT_EQ(root.members[1].second.place.line, 2U);
  EXPECT_EQ(root.members[1].second.place.column, 1U);
  EXPECT_EQ(root.members[2].second.place.line, 4U);
  EXPECT_EQ(root.members[2].second.place.column, 4U);
  EXPECT_EQ(root.members[3].second.place.line, 5U);
  EXPECT_EQ(parse_yaml("a:\n  b:").members[0].second.members[0].second.place.column, 3U);
}

TEST(YamlDocument, ReadsToTheEndOrNotAtAll) {
  EXPECT_EQ(error_of("a: 1\n\x04\nb: 2\n").substr(0, 4), "2:1 ");
}

TEST(YamlDocument, RefusesWhatPlainOptionsDoNotNeed) {
  EXPECT_EQ(error_of("a: &x 1\n"),
            "1:4 an anchor (&) stands here; write the value where it is needed");
  EXPECT_EQ(error_of("a: &x\n  b: 1\n").substr(0, 22), "1:4 an anchor (&) stan");
  EXPECT_NE(error_of("a: *x\n"), "no error");
  EXPECT_EQ(error_of("a: !!str 1\n"), "1:4 a tag (!) stands here; write the value alone");
  EXPECT_EQ(error_of("a: !mine {b: 1}\n").substr(0, 9), "1:4 a tag");
  EXPECT_EQ(error_of("a: 1\n---\nb: 1\n"), "2:1 a second document begins; expected one");
  EXPECT_EQ(error_of(""), "1:1 the file is empty; expected options");
  EXPECT_EQ(error_of("# a comment\n"), "1:1 the file is empty; expected options");
}

TEST(YamlDocument, PassesOverEmptyDocuments) {
  for (const char* text :
       {"a: 1\n---\n", "a: 1\n---\n---\n", "---\n---\na: 1\n", "a: 1\n...\n---\n",
        "---\n# Source: a\n---\n# Source: b\na: 1\n---\n# Source: c\n", "a: 1\n--- # nothing\n",
        "~\n---\na: 1\n", "a: 1\n---\n...\n"}) {
    EXPECT_EQ(parse_yaml(text).members.size(), 1U) << text;
  }
  EXPECT_EQ(error_of("---\n---\na: 1\n---\n---\n[]\n"),
            "5:1 a second document begins; expected one");
  EXPECT_EQ(error_of("a: 1\n---\nb\n"), "2:1 a second document begins; expected one");
  EXPECT_EQ(parse_yaml("---\n---\n").kind, Kind::nothing);
}

TEST(YamlDocument, NamesCharactersThatNobodySees) {
  const std::string expected = "; expected a plain space, or quotes around a text that needs it";
  const std::string no_break = " the character U+00A0 (no-break space) stands here" + expected;
  // As indentation, after a colon, round a word, behind a plain space, before a comment.
  EXPECT_EQ(error_of("a:\n\u00a0\u00a0b: 3\n"), "2:1" + no_break);
  EXPECT_EQ(error_of("a:\n  b: 1\n\u00a0 c: 2\n"), "3:1" + no_break);
  EXPECT_EQ(error_of("a:\n  b: 1\n \u00a0c: 2\n").substr(0, 3 + no_break.size()), "3:2" + no_break);
  EXPECT_EQ(error_of("a:\u00a01\n"), "1:3" + no_break);
  EXPECT_EQ(error_of("a: \u00a01\n"), "1:4" + no_break);
  EXPECT_EQ(error_of("a: 1\u00a0# one\n"), "1:5" + no_break);
  EXPECT_EQ(error_of("a: [1,\n\u00a02]\n"), "2:1" + no_break);
  EXPECT_EQ(error_of("ö\u200b: 1\n"),
            "1:2 the character U+200B (zero-width space) stands here" + expected);
  EXPECT_EQ(error_of("a: 1\n\ufeffb: 1\n"),
            "2:1 the character U+FEFF (mark of byte order) stands here" + expected);
  EXPECT_EQ(error_of("a:\n\u3000b: 1\n"),
            "2:1 the character U+3000 (ideographic space) stands here" + expected);
  EXPECT_EQ(error_of("a: \u202eb\n"),
            "1:4 the character U+202E (invisible) stands here" + expected);
}

TEST(YamlDocument, TakesCharactersThatNobodySeesInQuotesAndComments) {
  EXPECT_EQ(parse_yaml("a: 'x\u00a0y' # z\u00a0!\n").members[0].second.text, "x\u00a0y");
  EXPECT_EQ(parse_yaml("a: 👩\u200d💻 ❤\ufe0f\n").members[0].second.text, "👩\u200d💻 ❤\ufe0f");
}

TEST(YamlDocument, AcceptsTheMarksOfADocument) {
  EXPECT_EQ(parse_yaml("---\na: 1\n...\n").members.size(), 1U);
  EXPECT_EQ(parse_yaml("\xEF\xBB\xBF"
                       "a: 1\r\n")
                .members.size(),
            1U);
}

}  // namespace
}  // namespace cbr::config
