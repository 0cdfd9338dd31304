#include "server/dataflow/text/json_text.h"

#include <simdjson.h>

#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/dataflow/text/json_string.h"
#include "tests/support/random_seed.h"

namespace syncline::dataflow {
namespace {

CheckedJson Check(const std::string& json, ScratchArena* scratch,
                  JsonStyle style = JsonStyle::kAsIs) {
  return CheckJson(json, style, scratch);
}

TEST(JsonTextTest, AcceptsJson) {
  for (const std::string json :
       {"null", "true", "false", "0", "-0", "-0.0e-0", "1.25E+10", "\"\"", "[]", "{}", " [ ] ",
        "\t{\r\n}", R"({"a":{"b":[1,2,{"c":null}]},"a":2})", R"(["\u0041\"\\\/\b\f\n\r\t"])",
        R"("é😀")", "[[],{},\"\",0]", "\"\x7f\""}) {
    ScratchArena scratch;
    const CheckedJson checked = Check(json, &scratch);
    EXPECT_EQ(checked.status, JsonStatus::kValid) << json;
    EXPECT_EQ(checked.text.data(), json.data()) << "copied although nothing changed: " << json;
    EXPECT_FALSE(checked.cleaned);
    EXPECT_TRUE(checked.fits_jsonb);
  }
}

TEST(JsonTextTest, RefusesEverythingElse) {
  for (const std::string json : {"",
                                 " ",
                                 "nul",
                                 "nulll",
                                 "True",
                                 "01",
                                 "1.",
                                 ".5",
                                 "+1",
                                 "1e",
                                 "1e+",
                                 "-",
                                 "--1",
                                 "0x1",
                                 "1 2",
                                 "\"",
                                 "\"a",
                                 "\"\\\"",
                                 "\"\\x\"",
                                 "\"\\u12\"",
                                 "\"\\u12G4\"",
                                 "\"\n\"",
                                 "\"\x1f\"",
                                 "[",
                                 "]",
                                 "[1",
                                 "[1,",
                                 "[1,]",
                                 "[,1]",
                                 "[1 2]",
                                 "[1}",
                                 "{",
                                 "}",
                                 "{]",
                                 "{\"a\"",
                                 "{\"a\":",
                                 "{\"a\":1",
                                 "{\"a\":1,",
                                 "{\"a\":1,}",
                                 "{\"a\" 1}",
                                 "{a:1}",
                                 "{1:1}",
                                 "{\"a\":1 \"b\":2}",
                                 "{\"a\"::1}",
                                 "{,}",
                                 "[]]",
                                 "{}}",
                                 "[] []",
                                 "{\"a\":\"b\":1}",
                                 "nan",
                                 "+Infinity",
                                 "-NaN",
                                 "'a'",
                                 "// c\n1",
                                 "\xEF\xBB\xBF{}"}) {
    ScratchArena scratch;
    EXPECT_EQ(Check(json, &scratch).status, JsonStatus::kInvalid) << json;
  }
  ScratchArena scratch;
  EXPECT_EQ(Check(std::string("[1\0]", 4), &scratch).status, JsonStatus::kInvalid);
}

TEST(JsonTextTest, CompactsOnlyOutsideStrings) {
  ScratchArena scratch;
  EXPECT_EQ(Check(" { \"a b\" : [ 1 ,\n2 ] } ", &scratch, JsonStyle::kCompact).text,
            "{\"a b\":[1,2]}");
  EXPECT_EQ(Check("[\" \\u0000 \" ]", &scratch, JsonStyle::kCompact).text, "[\"  \"]");
}

TEST(JsonTextTest, CountsValuesAgainstTheLimitOfJsonb) {
  ScratchArena scratch;
  const auto array = [](int64_t values) {
    std::string json = "[";
    for (int64_t i = 1; i < values; ++i) json += i == 1 ? "1" : ",1";
    return json + "]";
  };
  EXPECT_TRUE(Check(array(kMaxJsonValues), &scratch).fits_jsonb);
  const CheckedJson beyond = Check(array(kMaxJsonValues + 1), &scratch);
  EXPECT_EQ(beyond.status, JsonStatus::kValid);
  EXPECT_FALSE(beyond.fits_jsonb);
}

TEST(JsonStringTest, FindsEventsAtEveryPosition) {
  for (size_t size = 0; size < 70; ++size) {
    for (size_t at = 0; at < size; ++at) {
      std::string text(size, 'x');
      text[at] = '\\';
      EXPECT_TRUE(HasBackslash(text)) << size << " " << at;
      EXPECT_EQ(FindStringEvent(text.data(), text.data() + size), text.data() + at);
      text[at] = '\x1f';
      EXPECT_FALSE(HasBackslash(text));
      EXPECT_EQ(FindStringEvent(text.data(), text.data() + size), text.data() + at);
      text[at] = '\xff';
      EXPECT_EQ(FindStringEvent(text.data(), text.data() + size), text.data() + size);
    }
  }
}

// Changes a few bytes of valid JSON.
std::string Mutate(std::string json, std::mt19937* random) {
  static const std::string kBytes = "{}[],:\"\\ue0123456789.+-truefalsn \t\n/bd8";
  const auto pick = [random](size_t bound) { return (*random)() % bound; };
  for (size_t changes = pick(4); changes > 0 && !json.empty(); --changes) {
    const size_t at = pick(json.size());
    const char byte = kBytes[pick(kBytes.size())];
    switch (pick(4)) {
      case 0:
        json[at] = byte;
        break;
      case 1:
        json.insert(at, 1, byte);
        break;
      case 2:
        json.erase(at, 1);
        break;
      default:
        json.insert(pick(json.size()), json.substr(at, pick(8)));
        break;
    }
  }
  return json;
}

TEST(JsonTextTest, AgreesWithSimdjsonOnMutatedText) {
  const std::vector<std::string> seeds = {
      R"({"id":12,"name":"Jo \"x\" \u00e9","tags":["a",{"b":null}],"ok":true,"n":-1.5e-3})",
      R"([[1,2],[],{},"",{"a":{"b":{"c":[true,false,null]}}}])",
      R"("\ud83d\ude00 text \\ \/")",
      R"({ "a" : 1 , "b" : [ ] , "c" : "x" })",
      "-12.50e+7",
  };
  std::mt19937 random(RandomSeed());
  simdjson::dom::parser parser;
  int accepted = 0;
  for (int i = 0; i < 100000; ++i) {
    const std::string json = Mutate(seeds[random() % seeds.size()], &random);
    ScratchArena scratch;
    const CheckedJson ours = Check(json, &scratch);
    const auto theirs = parser.parse(json).error();
    if (theirs == simdjson::SUCCESS) {
      ASSERT_EQ(ours.status, JsonStatus::kValid) << json;
      ASSERT_EQ(ours.text.data() == json.data(), !ours.cleaned) << json;
      ++accepted;
    } else if (ours.status == JsonStatus::kValid) {
      // simdjson accepts neither lone surrogates nor numbers beyond doubles and 64 bits.
      const bool number =
          theirs == simdjson::NUMBER_ERROR && json.find_first_of("eE") != std::string::npos;
      ASSERT_TRUE(ours.cleaned || number) << json << ": " << simdjson::error_message(theirs);
    }
    if (ours.status == JsonStatus::kValid && ours.cleaned) {
      const std::string cleaned(ours.text);
      const auto error = parser.parse(cleaned).error();
      ASSERT_TRUE(error == simdjson::SUCCESS || error == simdjson::NUMBER_ERROR) << cleaned;
      ASSERT_FALSE(Check(cleaned, &scratch).cleaned) << cleaned;
    }
  }
  EXPECT_GT(accepted, 10000);
}

}  // namespace
}  // namespace syncline::dataflow
