// The schema that is inferred from an input, and the findings of a survey of the input.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/record_scanner.h"
#include "client/sources/input_survey.h"

namespace syncline::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::vector<std::pair<std::string, InferredType>> Columns(const std::vector<std::string>& lines) {
  SchemaInference inference;
  for (const std::string& line : lines) inference.AddLine(line);
  return inference.columns();
}

TEST(TypeOfTextTest, KeepsTextThatANumberWouldChange) {
  for (const char* const text :
       {"02134", "+49301234", "1e5", "12E4", "NaN", "Infinity", "-inf", "1_000", "1,5", "0x1F",
        " 5", "5 ", ".5", "1.", "-", "2024-02-30", "2024-1-31", "24:00"}) {
    EXPECT_EQ(InferTextType(text), InferredType::kString) << text;
  }
  EXPECT_EQ(InferTextType(std::string(17000, '9')), InferredType::kString);
  EXPECT_EQ(InferTextType("1.5e200000"), InferredType::kString);
}

TEST(TypeOfTextTest, RecognizesNumbersDatesAndBooleans) {
  EXPECT_EQ(InferTextType("-7"), InferredType::kInteger);
  EXPECT_EQ(InferTextType("9223372036854775807"), InferredType::kInteger);
  EXPECT_EQ(InferTextType("9223372036854775808"), InferredType::kNumber);
  for (const char* const text : {"1.0", "1.5e3", "1e-05", "1e+16", "0.10"}) {
    EXPECT_EQ(InferTextType(text), InferredType::kNumber) << text;
  }
  EXPECT_EQ(InferTextType("2024-02-29"), InferredType::kDate);
  EXPECT_EQ(InferTextType("1900-02-29"), InferredType::kString);
  EXPECT_EQ(InferTextType("2000-02-29"), InferredType::kDate);
  EXPECT_EQ(InferTextType("2024-04-31 10:00:00"), InferredType::kString);
  EXPECT_EQ(InferTextType("FALSE"), InferredType::kBoolean);
}

TEST(TypeOfColumnTest, FollowsThePlan) {
  EXPECT_EQ(InferColumnType("bigint"), InferredType::kInteger);
  EXPECT_EQ(InferColumnType("numeric(10,2)"), InferredType::kNumber);
  EXPECT_EQ(InferColumnType("boolean"), InferredType::kBoolean);
  EXPECT_EQ(InferColumnType("jsonb"), InferredType::kAny);
  EXPECT_EQ(InferColumnType("character varying"), InferredType::kString);
  EXPECT_EQ(InferColumnType("timestamp with time zone"), InferredType::kString);
}

TEST(SchemaInferenceTest, FindsMembersInAnyOrderAndLate) {
  EXPECT_THAT(Columns({R"({"a":1,"b":"x"})", R"({"b":"y","a":2})", R"({"a":3,"late":true})",
                       R"({"a":2.5,"b":"z","late":false})"}),
              ElementsAre(Pair("a", InferredType::kNumber), Pair("b", InferredType::kString),
                          Pair("late", InferredType::kBoolean)));
}

TEST(SchemaInferenceTest, IgnoresLinesThatAreNotRecords) {
  EXPECT_THAT(Columns({R"({"a":1})", R"({"b":2)", R"([{"c":3}])", R"({"d":4}x)", R"({"e":tru})",
                       R"({"f":01})", "{\"\xE9\":1}", ""}),
              ElementsAre(Pair("a", InferredType::kInteger)));
}

TEST(SchemaInferenceTest, TreatsNaNAsNullAndUnescapesKeys) {
  EXPECT_THAT(Columns({R"({"x":NaN,"\u0061":[-Infinity],"y":Infinity})", R"({"x":1.5,"a":[]})"}),
              ElementsAre(Pair("x", InferredType::kNumber), Pair("a", InferredType::kArray),
                          Pair("y", InferredType::kNone)));
}

TEST(ScanRecordTest, FindsMembersWithAnyText) {
  std::vector<std::string> found;
  const std::string line =
      " { \"a\" : \"brackets ]} and \\\"quotes\\\" of some length\\\\\" , \"b\":{\"c\":\"}\"}, "
      "\"d\":[1,[2]] ,\"\":-0.5e3 }\r";
  EXPECT_TRUE(ScanRecord(line, [&found](absl::string_view key, JsonText value) {
    found.push_back(absl::StrCat(key, "=", value.raw));
  }));
  EXPECT_THAT(found, ElementsAre("a=\"brackets ]} and \\\"quotes\\\" of some length\\\\\"",
                                 "b={\"c\":\"}\"}", "d=[1,[2]]", "=-0.5e3"));
}

TEST(ScanRecordTest, RefusesEveryProperPrefix) {
  const std::string line = R"({"a":"x\"y","b":{"c":[1,"]"]},"d":-1.5,"e":null})";
  const auto is_record = [](absl::string_view text) {
    return ScanRecord(text, [](absl::string_view, JsonText) {});
  };
  EXPECT_TRUE(is_record(line));
  EXPECT_TRUE(is_record("{}"));
  for (size_t length = 0; length < line.size(); ++length) {
    EXPECT_FALSE(is_record(absl::string_view(line).substr(0, length))) << length;
  }
  EXPECT_FALSE(is_record("{\"a\":\"line\nbreak and some more text\"}"));
}

absl::StatusOr<InputSurvey> Survey(const std::string& text, bool csv,
                                   int64_t max_bytes = int64_t{1} << 30) {
  std::FILE* const file = std::tmpfile();
  std::fwrite(text.data(), 1, text.size(), file);
  std::rewind(file);
  LineReader reader(fileno(file));
  InputFormat format;
  if (csv) format.file = FileFormat::kCsv;
  auto survey = SurveyInput(&reader, format, max_bytes);
  std::fclose(file);
  return survey;
}

TEST(SurveyInputTest, ReadsTheWholeInput) {
  std::string text = "id,v\n";
  for (int i = 0; i < 300'000; ++i) absl::StrAppend(&text, i, ",", i, "\n");
  const auto survey = Survey(text + "x,02134\n1,2,3\n", true);
  ASSERT_TRUE(survey.ok()) << survey.status();
  EXPECT_TRUE(survey->whole);
  EXPECT_EQ(survey->records, 300'002);
  EXPECT_EQ(survey->objects, 300'001);
  EXPECT_THAT(survey->inference.columns(),
              ElementsAre(Pair("id", InferredType::kString), Pair("v", InferredType::kString)));
  const auto head = Survey(text + "x,02134\n", true, 1000);
  ASSERT_TRUE(head.ok());
  EXPECT_FALSE(head->whole);
  EXPECT_EQ(head->inference.columns()[1].second, InferredType::kInteger);
}

TEST(SurveyInputTest, DetectsInputWithoutRecords) {
  for (const auto& [text, csv] : std::vector<std::pair<std::string, bool>>{
           {"", false}, {"", true}, {"\n \n\n", false}, {"id,name\n", true}, {"id,name", true}}) {
    const auto survey = Survey(text, csv);
    ASSERT_TRUE(survey.ok());
    EXPECT_TRUE(survey->whole && survey->records == 0) << text;
  }
}

TEST(SurveyInputTest, DetectsTruncatedInput) {
  EXPECT_TRUE(Survey("{\"a\":1}\n{\"a\":", false)->ends_inside_record);
  EXPECT_FALSE(Survey("{\"a\":1}\n{\"a\":2}", false)->ends_inside_record);
  EXPECT_FALSE(Survey("{\"a\":1}\nnot json\n", false)->ends_inside_record);
  EXPECT_THAT(Survey("a,b\n1,\"open\n2,3\n", true).status().message(), HasSubstr("line 2"));
}

TEST(SurveyInputTest, DropsAByteOrderMark) {
  EXPECT_THAT(Survey("\xEF\xBB\xBFid\n1\n", true)->inference.columns(),
              ElementsAre(Pair("id", InferredType::kInteger)));
  EXPECT_EQ(Survey("\xEF\xBB\xBF{\"id\":1}\n", false)->objects, 1);
}

TEST(SurveyInputTest, NamesOtherEncodings) {
  const auto wide = [](const std::string& text, bool big, const std::string& mark) {
    std::string bytes = mark;
    for (const char c : text) bytes += big ? std::string({'\0', c}) : std::string({c, '\0'});
    return bytes;
  };
  for (const bool csv : {true, false}) {
    const std::string text = csv ? "id\n1\n" : "{\"id\":1}\n";
    for (const bool marked : {true, false}) {
      EXPECT_THAT(Survey(wide(text, false, marked ? "\xFF\xFE" : ""), csv).status().message(),
                  HasSubstr("UTF-16"));
      EXPECT_THAT(Survey(wide(text, true, marked ? "\xFE\xFF" : ""), csv).status().message(),
                  HasSubstr("UTF-16"));
    }
  }
  EXPECT_THAT(Survey("id,pr\xE9nom\n1,a\n", true).status().message(), HasSubstr("UTF-8"));
}

}  // namespace
}  // namespace syncline::client
