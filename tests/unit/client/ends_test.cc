// When the end of the input completes a stream, and when the source is considered failed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/airbyte/messages.h"
#include "client/airbyte/stream_ends.h"

namespace syncline::client {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

SourceEvidence Alive() {
  SourceEvidence source;
  source.any_message = true;
  source.any_record_or_state = true;
  return source;
}

TEST(StreamEndsTest, ReplaceNeedsAFinalStateOrTheOption) {
  SourceEvidence source = Alive();
  EXPECT_THAT(FindReasonNotToComplete(source, {true, true}), IsEmpty());
  EXPECT_THAT(FindReasonNotToComplete(source, {true, false}), HasSubstr("complete_without_status"));
  source.complete_without_status = true;
  EXPECT_THAT(FindReasonNotToComplete(source, {true, false}), IsEmpty());
}

TEST(StreamEndsTest, OtherModesNeedAnyRecordOrState) {
  SourceEvidence source = Alive();
  EXPECT_THAT(FindReasonNotToComplete(source, {false, false}), IsEmpty());
  source.any_record_or_state = false;
  EXPECT_FALSE(FindReasonNotToComplete(source, {false, false}).empty());
}

TEST(StreamEndsTest, SourceWithStatusesMustSendComplete) {
  SourceEvidence source = Alive();
  source.any_status = true;
  source.complete_without_status = true;
  for (const bool replaced : {false, true}) {
    EXPECT_THAT(FindReasonNotToComplete(source, {replaced, true}), HasSubstr("COMPLETE"));
  }
}

TEST(StreamEndsTest, FailureOrEmptyInputCompletesNothing) {
  for (const bool replaced : {false, true}) {
    SourceEvidence source = Alive();
    source.complete_without_status = true;
    source.failure = "FATAL log: no route to host";
    EXPECT_THAT(FindReasonNotToComplete(source, {replaced, true}), HasSubstr("no route to host"));
    SourceEvidence silent;
    silent.complete_without_status = true;
    EXPECT_THAT(FindReasonNotToComplete(silent, {replaced, false}), HasSubstr("no messages"));
  }
}

TEST(StreamEndsTest, GenerationsDetermineReplaces) {
  v1::StreamConfig config;
  EXPECT_FALSE(ReplacesTable(config));
  config.set_overwrite(true);
  EXPECT_TRUE(ReplacesTable(config));
  config.set_overwrite(false);
  config.set_generation_id(3);
  config.set_minimum_generation_id(0);
  EXPECT_FALSE(ReplacesTable(config));
  config.set_minimum_generation_id(3);
  EXPECT_TRUE(ReplacesTable(config));
  config.set_generation_id(0);
  config.set_minimum_generation_id(0);
  EXPECT_FALSE(ReplacesTable(config));
}

TEST(SourceFailureTest, ReadsFatalLogsInAnyCase) {
  EXPECT_EQ(ReadFatalLog(R"({"type":"LOG","log":{"level":"FATAL","message":"m"}})"), "m");
  EXPECT_EQ(ReadFatalLog(R"({"type":"LOG","log":{"level":"Fatal"}})"), "");
  EXPECT_EQ(ReadFatalLog(R"({"type":"LOG","log":{"level":"ERROR","message":"FATAL"}})"),
            std::nullopt);
  EXPECT_EQ(ReadFatalLog(R"({"type":"LOG"})"), std::nullopt);
}

TEST(SourceFailureTest, ReadsFailedConnections) {
  EXPECT_EQ(
      ReadFailedConnection(
          R"({"type":"CONNECTION_STATUS","connectionStatus":{"status":"FAILED","message":"m"}})"),
      "m");
  EXPECT_EQ(ReadFailedConnection(
                R"({"type":"CONNECTION_STATUS","connectionStatus":{"status":"SUCCEEDED"}})"),
            std::nullopt);
}

TEST(SourceFailureTest, ReadsTheMessageOfATraceError) {
  const auto trace =
      ReadTrace(R"({"type":"TRACE","trace":{"type":"ERROR","error":{"message":"gone"}}})");
  EXPECT_EQ(trace->kind, TraceKind::kError);
  EXPECT_EQ(trace->words, "gone");
}

}  // namespace
}  // namespace syncline::client
