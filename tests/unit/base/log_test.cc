#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/error.h"
#include "base/thread.h"
#include "base/utf8.h"

namespace syncline {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class LogTest : public ::testing::Test {
 protected:
  void TearDown() override { ConfigureLog(LogLevel::kInfo, LogFormat::kText); }

  static std::string Captured(const std::function<void()>& body) {
    ::testing::internal::CaptureStderr();
    body();
    return ::testing::internal::GetCapturedStderr();
  }
};

TEST_F(LogTest, TextLine) {
  const std::string line = Captured([] {
    Log(LogLevel::kInfo, "stream_completed")
        .Field("sync_id", "nightly")
        .Field("rows", int64_t{1000})
        .Field("lanes", 2)
        .Field("ratio", 0.5)
        .Field("swap", true)
        .Field("took", absl::Milliseconds(1500));
  });
  EXPECT_THAT(line,
              MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z "
                           "INFO stream_completed sync_id=nightly rows=1000 lanes=2 "
                           "ratio=0.5 swap=true took_ms=1500\n"));
}

TEST_F(LogTest, CutsLongFieldsBetweenCharacters) {
  const std::string line = Captured([] {
    std::string text = "a";
    for (int i = 0; i < 10 << 10; ++i) text += "\u00e4";
    Log(LogLevel::kWarning, "long").Field("id", text).Field("next", 1);
  });
  EXPECT_LT(line.size(), 1200U);
  EXPECT_THAT(line, HasSubstr("\u00e4...\" next=1\n"));
  EXPECT_TRUE(IsUtf8(line));
}

TEST_F(LogTest, TextQuotesAmbiguousValues) {
  const std::string line = Captured([] {
    Log(LogLevel::kWarning, "odd")
        .Field("empty", "")
        .Field("space", "a b")
        .Field("equals", "a=b")
        .Field("quote", "say \"x\"")
        .Field("lines", "one\ntwo\r\tend")
        .Field("backslash", "a\\b")
        .Field("plain", "public.users/1");
  });
  EXPECT_THAT(line, HasSubstr(" WARNING odd empty=\"\" space=\"a b\" equals=\"a=b\" "
                              "quote=\"say \\\"x\\\"\" lines=\"one\\ntwo\\u000d\\tend\" "
                              "backslash=\"a\\\\b\" plain=public.users/1\n"));
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST_F(LogTest, JsonLine) {
  ConfigureLog(LogLevel::kInfo, LogFormat::kJson);
  const std::string line = Captured([] {
    Log(LogLevel::kError, "odd")
        .Field("text", "gr\u00fcn \U0001F600 \"q\" \\ \n\x01")
        .Field("rows", int64_t{-5})
        .Field("swap", false)
        .Field("ratio", 1e9);
  });
  EXPECT_THAT(line,
              MatchesRegex("\\{\"time\":\"[-0-9T:.]+Z\",\"level\":\"ERROR\",\"event\":\"odd\".*"));
  EXPECT_THAT(line, HasSubstr(",\"text\":\"gr\u00fcn \U0001F600 \\\"q\\\" \\\\ \\n\\u0001\","
                              "\"rows\":-5,\"swap\":false,\"ratio\":1e+09}\n"));
}

TEST_F(LogTest, JsonIsValidForAnyBytes) {
  ConfigureLog(LogLevel::kInfo, LogFormat::kJson);
  const std::string line = Captured([] {
    Log(LogLevel::kInfo, "odd")
        .Field("bytes", "a\xff\xc0\x80\xed\xa0\x80\xf5z\xe4\xb8")
        .Field("nan", std::nan(""))
        .Field("inf", -std::numeric_limits<double>::infinity());
  });
  std::string expected = "\"bytes\":\"a";
  for (int i = 0; i < 7; ++i) expected += "\uFFFD";
  EXPECT_THAT(line, HasSubstr(expected + "z\uFFFD\uFFFD\","));
  EXPECT_THAT(line, HasSubstr("\"nan\":\"nan\",\"inf\":\"-inf\"}"));
}

TEST_F(LogTest, ErrorFields) {
  ErrorDetail detail;
  detail.reason = "DB_AUTH";
  const std::string line = Captured([&] {
    Log(LogLevel::kError, "connect_failed")
        .Error(MakeError(absl::StatusCode::kFailedPrecondition, "no such role", detail));
    Log(LogLevel::kError, "connect_failed").Error(absl::UnavailableError("gone"));
  });
  EXPECT_THAT(line, HasSubstr("code=FAILED_PRECONDITION reason=DB_AUTH error=\"no such role\"\n"));
  EXPECT_THAT(line, HasSubstr("code=UNAVAILABLE error=gone\n"));
}

TEST_F(LogTest, LevelsBelowTheMinimumAreNotPrinted) {
  EXPECT_EQ(Captured([] { Log(LogLevel::kDebug, "x").Field("a", 1); }), "");
  ConfigureLog(LogLevel::kError, LogFormat::kText);
  EXPECT_EQ(Captured([] { Log(LogLevel::kWarning, "x").Error(absl::AbortedError("y")); }), "");
  EXPECT_THAT(Captured([] { Log(LogLevel::kError, "x"); }), HasSubstr(" ERROR x\n"));
  ConfigureLog(LogLevel::kDebug, LogFormat::kText);
  EXPECT_THAT(Captured([] { Log(LogLevel::kDebug, "x"); }), HasSubstr(" DEBUG x\n"));
}

TEST_F(LogTest, LinesOfSeveralThreadsDoNotMix) {
  const std::string all = Captured([] {
    std::vector<std::unique_ptr<Thread>> threads;
    for (int t = 0; t < 4; ++t) {
      threads.push_back(std::make_unique<Thread>("log", [t] {
        for (int i = 0; i < 200; ++i) {
          Log(LogLevel::kInfo, "line").Field("text", std::string(300, static_cast<char>('a' + t)));
        }
      }));
    }
  });
  int lines = 0;
  for (const absl::string_view line : absl::StrSplit(all, '\n', absl::SkipEmpty())) {
    const size_t at = line.find("text=");
    ASSERT_NE(at, absl::string_view::npos);
    const absl::string_view text = line.substr(at + 5);
    ASSERT_EQ(text, std::string(300, text[0]));
    ++lines;
  }
  EXPECT_EQ(lines, 800);
}

}  // namespace
}  // namespace syncline
