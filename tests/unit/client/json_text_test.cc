// Values keep the bytes that the source wrote.
#include "client/json_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace syncline::client {
namespace {

using ::testing::ElementsAre;

std::string Unescaped(absl::string_view text) {
  const auto string = ParseJson(text);
  return string.has_value() ? UnescapeJson(*string) : "invalid";
}

TEST(JsonTextTest, NumbersKeepTheirText) {
  const auto array = ParseJson("[1.50, 12345678901234567890.10 ,-0,1E+2]");
  ASSERT_TRUE(array.has_value());
  std::vector<std::string> numbers;
  ForEachElement(*array, [&numbers](JsonText value) { numbers.emplace_back(value.raw); });
  EXPECT_THAT(numbers, ElementsAre("1.50", "12345678901234567890.10", "-0", "1E+2"));
  EXPECT_TRUE(IsJsonNumber("1.50"));
  for (const absl::string_view other : {"", "1.", "01", "1 ", "NaN"}) {
    EXPECT_FALSE(IsJsonNumber(other)) << other;
  }
  EXPECT_FALSE(IsJsonNumber(absl::string_view()));
}

TEST(JsonTextTest, LastOfEqualKeysCounts) {
  const auto object = ParseJson(R"({"a":1,"b":{"a":2},"a":[3],"\u0061":4})");
  ASSERT_TRUE(object.has_value());
  std::vector<std::string> members;
  ForEachMember(*object, [&members](absl::string_view key, JsonText value) {
    members.push_back(absl::StrCat(key, "=", value.raw));
  });
  EXPECT_THAT(members, ElementsAre("a=1", "b={\"a\":2}", "a=[3]", "\\u0061=4"));
  EXPECT_EQ(FindMember(*object, "a")->raw, "[3]");
}

TEST(JsonTextTest, TakesOneValueFromTheFront) {
  absl::string_view text = " {\"a\":[1]} , \xE9";
  const auto value = TakeJson(&text);
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(value->raw, "{\"a\":[1]}");
  EXPECT_EQ(text, " , \xE9");
  EXPECT_FALSE(TakeJson(&text).has_value());
  EXPECT_EQ(text, " , \xE9");
}

// The server rejects such a record with its offset, so it must reach the server.
TEST(JsonTextTest, AcceptsStringsThatTheServerRejects) {
  EXPECT_EQ(Unescaped(R"("\q\'")"), "q'");
  EXPECT_EQ(Unescaped(R"("\u12")"),
            "\xEF\xBF\xBD"
            "12");
  EXPECT_EQ(Unescaped("\"\xE9\\\n\""), "\xE9\n");
  EXPECT_EQ(Unescaped(R"("\b\f\r\t\"\\\u0000")"), std::string("\b\f\r\t\"\\\0", 7));
  EXPECT_EQ(Unescaped("\"\\\""), "invalid");
}

}  // namespace
}  // namespace syncline::client
