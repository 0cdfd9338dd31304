// A `syncline singer` session: what is sent, which states are printed, and how streams end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/error.h"
#include "client/singer/target_session.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/client/fake_sync_service.h"

namespace syncline::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Schema(const std::string& stream, const std::string& more = "",
                   const std::string& keys = R"(["id"])") {
  return absl::StrCat(R"({"type":"SCHEMA","stream":")", stream,
                      R"(","schema":{"properties":{"id":{"type":"integer"})", more,
                      R"(}},"key_properties":)", keys, "}");
}

std::string Record(const std::string& stream, int id, int version = -1) {
  return absl::StrCat(R"({"type":"RECORD","stream":")", stream, R"(","record":{"id":)", id, "}",
                      version < 0 ? "" : absl::StrCat(",\"version\":", version), "}");
}

std::string State(int value) {
  return absl::StrCat(R"({"type":"STATE","value":{"c": )", value, "}}");
}

std::string Activate(const std::string& stream, int version) {
  return absl::StrCat(R"({"type":"ACTIVATE_VERSION","stream":")", stream, R"(","version":)",
                      version, "}");
}

std::string Data(int id) { return absl::StrCat("{\"id\":", id, "}"); }

class SingerSessionTest : public ::testing::Test {
 protected:
  SingerSessionTest() : files_("singer") {}

  TargetReport Run(const std::vector<std::string>& lines) {
    std::FILE* const file = std::tmpfile();
    for (const std::string& line : lines) std::fprintf(file, "%s\n", line.c_str());
    std::rewind(file);
    TargetOptions options;
    options.config = config_;
    options.sync_id = "s";
    options.retry_for = absl::Seconds(20);
    TargetSession session(
        server_.client.get(), options,
        [this](const std::string& state) { states_.push_back(state); },
        [](const v1::StreamPlan&) {});
    LineReader input(fileno(file));
    ProgressLine progress(false, nullptr, absl::Now());
    const TargetReport report = session.Run(&input, &progress);
    std::fclose(file);
    return report;
  }

  // Returns the configurations with which the stream was planned, in order.
  std::vector<v1::StreamConfig> Plans(const std::string& stream) {
    std::vector<v1::StreamConfig> plans;
    for (const v1::StartSyncRequest& request : server_.service.requests()) {
      EXPECT_TRUE(request.extend());
      for (const v1::StreamConfig& config : request.streams()) {
        if (config.descriptor().name() == stream) plans.push_back(config);
      }
    }
    return plans;
  }

  ::testing::Matcher<std::vector<std::string>> EndWith(const std::string& state) {
    return ::testing::ResultOf(
        [](const std::vector<std::string>& states) { return states.empty() ? "" : states.back(); },
        ::testing::StrEq(state));
  }

  FakeServer server_;
  SingerConfig config_;
  syncline::testing::TemporaryDirectory files_;
  std::vector<std::string> states_;
};

TEST_F(SingerSessionTest, LoadsStreamsAndPrintsTheLastState) {
  const TargetReport report = Run({Schema("a"), Record("a", 1), State(1), Schema("b"), "",
                                   Record("b", 5), Record("a", 2), State(2)});
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_THAT(report.incomplete, IsEmpty());
  EXPECT_EQ(report.records, 3);
  EXPECT_EQ(report.withheld_states, 0);
  EXPECT_THAT(states_, EndWith(R"({"c": 2})"));
  EXPECT_THAT(server_.service.stream("a").committed, ElementsAre(Data(1), Data(2)));
  EXPECT_THAT(server_.service.stream("b").committed, ElementsAre(Data(5)));
  EXPECT_EQ(server_.service.stream("a").expected, 2);
  EXPECT_EQ(server_.service.stream("b").ended, v1::STREAM_STATUS_COMPLETE);
  EXPECT_EQ(server_.service.checkpoints(), 2u);  // one per state, for any number of streams
  const auto requests = server_.service.requests();
  ASSERT_THAT(requests, SizeIs(3));
  EXPECT_EQ(requests[1].streams_size(), 1);  // only what is added
  EXPECT_EQ(requests[2].streams_size(), 0);  // the end of the sync
}

TEST_F(SingerSessionTest, StatesOfEveryRecordShareCheckpoints) {
  server_.service.report_progress = false;  // no checkpoint is known to be committed before the end
  std::vector<std::string> lines = {Schema("a"), Schema("b")};
  std::vector<std::string> records;
  for (int i = 0; i < 100; ++i) {
    lines.push_back(Record(i % 2 == 0 ? "a" : "b", i));
    lines.push_back(State(i));
    if (i % 2 == 0) records.push_back(Data(i));
  }
  const TargetReport report = Run(lines);
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_EQ(server_.service.checkpoints(), 2u);  // of the first STATE, and of the last one
  EXPECT_THAT(states_, EndWith(R"({"c": 99})"));
  EXPECT_THAT(states_, SizeIs(::testing::Le(2)));
  EXPECT_THAT(server_.service.stream("a").committed, ::testing::ElementsAreArray(records));
}

TEST_F(SingerSessionTest, AnErrorIsPrecededByTheDueState) {
  server_.service.report_progress = false;
  const TargetReport report = Run({Schema("a"), Record("a", 1), State(1), Record("a", 2), State(2),
                                   Record("a", 3), "oops", State(3)});
  EXPECT_EQ(GetReason(report.status), "SINGER_NOT_JSON");
  EXPECT_THAT(server_.service.stream("a").committed, ElementsAre(Data(1), Data(2), Data(3)));
  EXPECT_THAT(states_, EndWith(R"({"c": 2})"));
}

TEST_F(SingerSessionTest, StatesWithoutRecordsArePrintedAtOnce) {
  const TargetReport report = Run({State(1), Schema("a"), State(2)});
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_THAT(states_, ElementsAre(R"({"c": 1})", R"({"c": 2})"));
  // The table of a stream without records is created.
  EXPECT_THAT(Plans("a"), SizeIs(1));
  EXPECT_EQ(server_.service.stream("a").ended, v1::STREAM_STATUS_COMPLETE);
}

TEST_F(SingerSessionTest, ErrorsNameTheLine) {
  struct Case {
    std::vector<std::string> lines;
    const char* reason;
    const char* line;
  };
  const Case cases[] = {
      {{Record("a", 1)}, "SINGER_NO_SCHEMA", "line 1: "},
      {{Schema("a"), Record("b", 1)}, "SINGER_NO_SCHEMA", "line 2: "},
      {{Schema("a"), Activate("b", 1)}, "SINGER_NO_SCHEMA", "line 2: "},
      {{Schema("a"), Record("a", 1), "oops"}, "SINGER_NOT_JSON", "line 3: "},
      {{Schema("a"), "", R"({"type":"RECORD","stream":"a","record":{"x":1}})"},
       "SINGER_NO_KEY",
       "line 3: "},
      {{R"({"type":"SCHEMA","stream":"a","schema":{"type":"object"},"key_properties":[]})"},
       "SINGER_NO_PROPERTIES",
       "line 1: "},
      {{Schema("a"), Record("a", 1), Schema("a", "", "[]")}, "SINGER_KEY_CHANGED", "line 3: "},
      {{Schema("a"), Record("a", 1, 7), Record("a", 2, 8)}, "SINGER_VERSION", "line 3: "},
      {{Schema("a"), Record("a", 1), Activate("a", 8)}, "SINGER_VERSION", "line 3: "},
      {{Schema("a"), R"({"type":"BATCH","stream":"a","encoding":{"format":"jsonl"},)"
                     R"("manifest":["s3://bucket/x"]})"},
       "SINGER_BATCH",
       "line 2: "},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.lines.back());
    const TargetReport report = Run(one.lines);
    EXPECT_EQ(GetReason(report.status), one.reason);
    EXPECT_THAT(std::string(report.status.message()), HasSubstr(one.line));
  }
}

TEST_F(SingerSessionTest, WhatPrecedesAnErrorStaysAndNoStateFollowsIt) {
  const TargetReport report = Run(
      {Schema("a"), Record("a", 1), State(1), Record("a", 2), "oops", Record("a", 3), State(2)});
  EXPECT_EQ(GetReason(report.status), "SINGER_NOT_JSON");
  EXPECT_THAT(server_.service.stream("a").committed, ElementsAre(Data(1), Data(2)));
  EXPECT_THAT(states_, ElementsAre(R"({"c": 1})"));
  EXPECT_EQ(server_.service.stream("a").ended, v1::STREAM_STATUS_INCOMPLETE);
}

TEST_F(SingerSessionTest, OnlyAChangedSchemaChangesThePlan) {
  const std::string wider = Schema("a", R"(,"x":{"type":"string"})");
  const TargetReport report = Run({Schema("a"), Record("a", 1), Schema("a"), Record("a", 2), wider,
                                   Record("a", 3), wider, State(1)});
  ASSERT_TRUE(report.status.ok()) << report.status;
  const std::vector<v1::StreamConfig> plans = Plans("a");
  ASSERT_THAT(plans, SizeIs(2));
  EXPECT_THAT(plans[1].json_schema(), HasSubstr("\"x\""));
  EXPECT_EQ(server_.service.calls(), 2);  // the call is closed before the plan changes
  EXPECT_THAT(server_.service.stream("a").committed, SizeIs(3));
  EXPECT_THAT(states_, EndWith(R"({"c": 1})"));
}

TEST_F(SingerSessionTest, VersionsTakeEffectAtTheEndOfTheInput) {
  TargetReport report =
      Run({Schema("a"), Activate("a", 7), Record("a", 1, 7), Activate("a", 7), State(1)});
  ASSERT_TRUE(report.status.ok()) << report.status;
  const std::vector<v1::StreamConfig> plans = Plans("a");
  ASSERT_THAT(plans, SizeIs(2));
  EXPECT_EQ(plans[0].generation_id(), 7);
  EXPECT_EQ(plans[0].older_generations(), v1::OLDER_GENERATIONS_UNSPECIFIED);
  EXPECT_EQ(plans[1].older_generations(), v1::OLDER_GENERATIONS_MARK_DELETED);
  EXPECT_EQ(server_.service.stream("a").ended, v1::STREAM_STATUS_COMPLETE);
  // Without ACTIVATE_VERSION nothing is marked.
  report = Run({Schema("b"), Record("b", 1, 7), State(1)});
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_THAT(Plans("b"), SizeIs(1));
}

TEST_F(SingerSessionTest, HardDeleteRemovesNothingWithoutActivation) {
  config_.hard_delete = true;
  server_.service.rows_deleted = 3;
  TargetReport report = Run({Schema("a"), Record("a", 1, 7), State(1)});
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_EQ(Plans("a").front().minimum_generation_id(), 7);
  ASSERT_THAT(report.incomplete, SizeIs(1));
  EXPECT_THAT(report.incomplete[0].reason, HasSubstr("ACTIVATE_VERSION"));
  EXPECT_EQ(server_.service.stream("a").ended, v1::STREAM_STATUS_INCOMPLETE);
  report = Run({Schema("b"), Record("b", 1, 7), Activate("b", 7)});
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_THAT(report.incomplete, IsEmpty());
  EXPECT_EQ(server_.service.stream("b").ended, v1::STREAM_STATUS_COMPLETE);
  // A table that has the version already only grows.
  server_.service.rows_deleted = 0;
  report = Run({Schema("c"), Record("c", 1, 7), State(1)});
  EXPECT_THAT(report.incomplete, IsEmpty());
  EXPECT_EQ(server_.service.stream("c").ended, v1::STREAM_STATUS_COMPLETE);
}

TEST_F(SingerSessionTest, OverwritePrintsItsStateOncePublished) {
  config_.load_method = LoadMethod::kOverwrite;
  TargetReport report = Run({Schema("a"), State(1), Record("a", 1), State(2)});
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_TRUE(Plans("a").front().overwrite());
  EXPECT_THAT(states_, ElementsAre(R"({"c": 2})"));
  states_.clear();
  report = Run({Schema("b"), State(1), Record("b", 1)});
  EXPECT_THAT(report.incomplete, SizeIs(1));
  EXPECT_THAT(states_, IsEmpty());
  EXPECT_EQ(report.withheld_states, 1);
  EXPECT_EQ(server_.service.stream("b").ended, v1::STREAM_STATUS_INCOMPLETE);
}

TEST_F(SingerSessionTest, BatchFilesAreReadInOrder) {
  const auto write = [&](const std::string& name, const std::string& text) {
    const std::string path = absl::StrCat(files_.path(), "/", name);
    std::ofstream(path) << text;
    return absl::StrCat("file://", path);
  };
  const std::string first = write("1.jsonl", "{\"id\":1}\n\n{\"id\":2}\n");
  const std::string second = write("2.jsonl", "{\"id\":3}");
  const auto batch = [](const std::string& urls) {
    return absl::StrCat(R"({"type":"BATCH","stream":"a","encoding":{"format":"jsonl",)",
                        R"("compression":"none"},"manifest":[)", urls, "]}");
  };
  TargetReport report =
      Run({Schema("a"), batch(absl::StrCat("\"", first, "\",\"", second, "\"")), State(1)});
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_THAT(server_.service.stream("a").committed, ElementsAre(Data(1), Data(2), Data(3)));
  EXPECT_THAT(states_, EndWith(R"({"c": 1})"));
  // As in a RECORD, Python's numbers are accepted.
  const std::string nan = write("nan.jsonl", "{\"id\":5,\"x\":NaN}\n");
  report = Run({Schema("b"), R"({"type":"RECORD","stream":"b","record":{"id":4,"x":NaN}})",
                absl::StrReplaceAll(batch(absl::StrCat("\"", nan, "\"")),
                                    {{R"("stream":"a")", R"("stream":"b")"}})});
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_THAT(server_.service.stream("b").committed,
              ElementsAre(R"({"id":4,"x":NaN})", R"({"id":5,"x":NaN})"));
  const std::string broken = write("3.jsonl", "{\"id\":4}\nnot json\n");
  report = Run({Schema("a"), batch(absl::StrCat("\"", broken, "\""))});
  EXPECT_EQ(GetReason(report.status), "SINGER_BATCH");
  EXPECT_THAT(std::string(report.status.message()), HasSubstr("3.jsonl: line 2"));
  report = Run({Schema("a"), batch("\"file:///no/such/file\"")});
  EXPECT_EQ(GetReason(report.status), "SINGER_BATCH");
}

TEST_F(SingerSessionTest, MetadataIsAddedToSchemaAndRecords) {
  config_.add_record_metadata = true;
  const TargetReport report = Run({Schema("a"), Record("a", 1, 7), Activate("a", 7)});
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_THAT(Plans("a").front().json_schema(), HasSubstr("_sdc_sync_started_at"));
  ASSERT_THAT(server_.service.stream("a").committed, SizeIs(1));
  EXPECT_THAT(server_.service.stream("a").committed[0], HasSubstr("\"_sdc_table_version\":7"));
}

TEST_F(SingerSessionTest, BrokenCallsAreRepeated) {
  server_.service.failures.push_back(
      {1, true, grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone")});
  std::vector<std::string> lines = {Schema("a")};
  for (int i = 0; i < 100; ++i) lines.push_back(Record("a", i));
  lines.push_back(State(1));
  const TargetReport report = Run(lines);
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_THAT(server_.service.stream("a").committed, SizeIs(100));
  EXPECT_THAT(states_, EndWith(R"({"c": 1})"));
}

}  // namespace
}  // namespace syncline::client
