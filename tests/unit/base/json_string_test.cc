#include "base/json_string.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/string_view.h"

namespace syncline {
namespace {

TEST(JsonStringTest, EscapesWhatJsonRequires) {
  EXPECT_EQ(JsonString(""), "\"\"");
  EXPECT_EQ(JsonString("a\"\\/ä"), "\"a\\\"\\\\/ä\"");
  EXPECT_EQ(JsonString("\n\r\t\x01\x1f\x7f"), "\"\\n\\r\\t\\u0001\\u001f\x7f\"");
  EXPECT_EQ(JsonString(absl::string_view("a\0b", 3)), "\"a\\u0000b\"");
}

TEST(JsonStringTest, KeepsBytesThatAreNotUtf8) { EXPECT_EQ(JsonString("\xff"), "\"\xff\""); }

TEST(JsonStringTest, Appends) {
  std::string out = "[";
  AppendJsonString("a", &out);
  EXPECT_EQ(out, "[\"a\"");
}

}  // namespace
}  // namespace syncline
