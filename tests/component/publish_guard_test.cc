// Guards on what a stream publishes, and responses that change nothing, through the real RPCs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::HasSubstr;

constexpr absl::StatusCode kRefused = absl::StatusCode::kFailedPrecondition;

class PublishGuardRpcTest : public AppTest {
 protected:
  absl::Status StartGuarded(absl::string_view sync_id, const Ask& ask,
                            const v1::PublishGuard& guard) {
    v1::StartSyncRequest request;
    request.set_sync_id(std::string(sync_id));
    *request.add_streams() = Stream(ask);
    if (ask.mode == v1::WRITE_MODE_APPEND) {
      request.mutable_streams(0)->add_primary_key()->add_path("id");
    }
    *request.mutable_streams(0)->mutable_guard() = guard;
    return client().StartSync(request).status();
  }

  v1::CompleteStreamRequest Completion(absl::string_view sync_id) {
    v1::CompleteStreamRequest request;
    request.set_sync_id(std::string(sync_id));
    request.mutable_descriptor()->set_name(kTable);
    request.set_status(v1::STREAM_STATUS_COMPLETE);
    return request;
  }

  absl::Status CompleteWith(absl::string_view sync_id, const v1::PublishGuard& guard) {
    v1::CompleteStreamRequest request = Completion(sync_id);
    *request.mutable_guard() = guard;
    return client().CompleteStream(request).status();
  }
};

TEST_F(PublishGuardRpcTest, RefusalKeepsRowsAndCallIsRepeatable) {
  for (const v1::WriteMode mode : {v1::WRITE_MODE_APPEND, v1::WRITE_MODE_DEDUP}) {
    const auto replace = [&](int64_t generation) {
      return mode == v1::WRITE_MODE_APPEND ? Replace(generation) : DedupReplace(generation);
    };
    const int64_t first = mode == v1::WRITE_MODE_APPEND ? 1 : 3;
    const std::string name = absl::StrCat("mode", first);
    Load(absl::StrCat(name, "a"), replace(first),
         Record(1, "a") + Record(2, "b") + Record(3, "c") + Record(4, "d"));
    v1::PublishGuard guard;
    guard.set_max_shrink(0.5);
    guard.set_min_rows(1);
    const std::string sync = absl::StrCat(name, "b");
    ASSERT_OK(StartGuarded(sync, replace(first + 1), guard));
    ASSERT_OK(Send(sync, Record(1, "new")));
    for (int attempt = 0; attempt < 2; ++attempt) {
      const absl::Status refused = Complete(sync).status();
      EXPECT_THAT(refused, StatusIs(kRefused, "PUBLISH_GUARD"));
      EXPECT_THAT(std::string(refused.message()), HasSubstr("max_shrink is 0.75"));
      EXPECT_THAT(std::string(refused.message()), HasSubstr("min_rows is 1"));
      EXPECT_EQ(GetDetail(refused).metadata.size(), 2u);
    }
    EXPECT_EQ(StagedRows(), absl::StrCat("1:new@", first + 1));
    guard.set_max_shrink(0.75);
    EXPECT_OK(CompleteWith(sync, guard));
    EXPECT_EQ(Rows(), absl::StrCat("1:new@", first + 1));
  }
}

TEST_F(PublishGuardRpcTest, MergeIsCheckedByResultingRows) {
  Ask ask = Dedup(0);
  ask.deletes = true;
  Load("s1", ask, Record(1, "a") + Record(2, "b"));
  v1::PublishGuard guard;
  guard.set_min_rows(3);
  ASSERT_OK(StartGuarded("s2", ask, guard));
  ASSERT_OK(Send("s2", "{\"id\":1,\"at\":5,\"_ab_cdc_deleted_at\":\"2025-01-01\"}\n" +
                           Record(3, "c") + Record(3, "c2")));
  const absl::Status refused = Complete("s2").status();
  EXPECT_THAT(refused, StatusIs(kRefused, "PUBLISH_GUARD"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("min_rows is 2, the limit is 3"));
  EXPECT_EQ(Rows(), "1:a@0 2:b@0");
  guard.set_min_rows(2);
  EXPECT_OK(CompleteWith("s2", guard));
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table(kTable))), 2);
}

TEST_F(PublishGuardRpcTest, ColumnsKeysAndRecordsAreCounted) {
  v1::PublishGuard guard;
  (*guard.mutable_not_null())["name"] = 0.9;
  guard.set_unique_key(true);
  guard.set_max_rejected(0);
  guard.set_max_nulled(0);
  ASSERT_OK(StartGuarded("s1", Replace(1), guard));
  ASSERT_OK(Send("s1", Record(1, "a") + "{\"id\":1}\n{\"id\":\"x\"}\nnot json\n"));
  const absl::Status refused = Complete("s1").status();
  EXPECT_THAT(refused, StatusIs(kRefused, "PUBLISH_GUARD"));
  for (const char* figure :
       {"not_null.name is 0.33", "unique_key is 1", "max_rejected is 1", "max_nulled is 1"}) {
    EXPECT_THAT(std::string(refused.message()), HasSubstr(figure));
  }
  EXPECT_EQ(Rows(), "missing");
  EXPECT_OK(CompleteWith("s1", {}));
}

TEST_F(PublishGuardRpcTest, FullyRejectedReplaceKeepsTable) {
  Load("s1", Replace(1), Record(1, "a"));
  ASSERT_OK(Start("s2", Replace(2)));
  ASSERT_OK(Send("s2", "not json\n[]\n"));
  EXPECT_THAT(Complete("s2").status(), StatusIs(kRefused, "ALL_REJECTED"));
  EXPECT_EQ(Rows(), "1:a@1");
  v1::PublishGuard guard;
  guard.set_allow_empty(true);
  EXPECT_OK(CompleteWith("s2", guard));
  EXPECT_EQ(Rows(), "");
}

TEST_F(PublishGuardRpcTest, InvalidGuardIsRefusedAtOnce) {
  v1::PublishGuard guard;
  (*guard.mutable_not_null())["no such property"] = 1;
  EXPECT_THAT(StartGuarded("s1", Replace(1), guard),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  v1::PublishGuard rows;
  rows.set_min_rows(1);
  EXPECT_THAT(StartGuarded("s1", Append(0), rows),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  ASSERT_OK(Start("s1", Replace(1)));
  EXPECT_THAT(CompleteWith("s1", guard),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  ASSERT_OK(Send("s1", Record(1, "a")));
  EXPECT_OK(CompleteWith("s1", rows));
}

TEST_F(PublishGuardRpcTest, AppendIsGuardedByItsRecordsOnly) {
  v1::PublishGuard guard;
  guard.set_max_rejected(0);
  ASSERT_OK(StartGuarded("s1", Append(0), guard));
  ASSERT_OK(Send("s1", Record(1, "a") + "not json\n"));
  EXPECT_THAT(Complete("s1").status(), StatusIs(kRefused, "PUBLISH_GUARD"));
  guard.set_max_rejected(1);
  EXPECT_OK(CompleteWith("s1", guard));
  EXPECT_EQ(Rows(), "1:a@0");
}

using ValidateOnlyTest = PublishGuardRpcTest;

std::string Counts(const v1::Validation& validation) {
  return absl::StrCat("+", validation.rows_inserted(), " ~", validation.rows_updated(), " -",
                      validation.rows_deleted(), validation.final() ? " final" : "");
}

TEST_F(ValidateOnlyTest, ReportsMergeWithoutChanges) {
  Ask ask = Dedup(0);
  ask.deletes = true;
  Load("s1", ask, Record(1, "a", 1) + Record(2, "b", 1) + Record(3, "c", 9));
  v1::PublishGuard guard;
  guard.set_min_rows(4);
  ASSERT_OK(StartGuarded("s2", ask, guard));
  ASSERT_OK(Send("s2", Record(1, "x", 2) + Record(1, "y", 3) + Record(3, "old", 2) +
                           "{\"id\":2,\"at\":5,\"_ab_cdc_deleted_at\":\"2025-01-01\"}\n" +
                           Record(4, "d", 1) + Record(5, "e", 1)));
  for (int attempt = 0; attempt < 2; ++attempt) {
    ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse response, Validate("s2"));
    const v1::Validation& validation = response.validation();
    EXPECT_EQ(Counts(validation), "+2 ~1 -1 final");
    ASSERT_EQ(validation.guard_results_size(), 1);
    EXPECT_EQ(validation.guard_results(0).name(), "min_rows");
    EXPECT_EQ(validation.guard_results(0).actual(), 4);
    EXPECT_TRUE(validation.guard_results(0).passed());
    EXPECT_EQ(validation.blockers_size(), 0);
    EXPECT_EQ(response.outcome(), v1::OUTCOME_UNSPECIFIED);
    EXPECT_EQ(Rows(), "1:a@0 2:b@0 3:c@0");
  }
  // The stream still accepts records.
  ASSERT_OK(Send("s2", Record(6, "f", 1), 6));
  ASSERT_OK(Complete("s2"));
  EXPECT_EQ(Rows(), "1:y@0 3:c@0 4:d@0 5:e@0 6:f@0");
}

TEST_F(ValidateOnlyTest, ReportsReplaceWithoutChanges) {
  ASSERT_OK(Start("s1", DedupReplace(1)));
  ASSERT_OK(Send("s1", Record(1, "a") + Record(1, "b") + Record(2, "c")));
  ASSERT_OK_AND_ASSIGN(v1::CompleteStreamResponse response, Validate("s1"));
  EXPECT_EQ(Counts(response.validation()), "+2 ~0 -0 final");
  ASSERT_OK(Complete("s1"));
  ASSERT_OK_AND_ASSIGN(response, Validate("s1"));
  EXPECT_EQ(Counts(response.validation()), "+0 ~0 -0 final") << "the stream has ended";
  ASSERT_OK(Start("s2", DedupReplace(2)));
  ASSERT_OK(Send("s2", "not json\n"));
  ASSERT_OK_AND_ASSIGN(response, Validate("s2"));
  EXPECT_EQ(Counts(response.validation()), "+0 ~0 -2 final");
  ASSERT_EQ(response.validation().guard_results_size(), 1);
  EXPECT_EQ(response.validation().guard_results(0).name(), "allow_empty");
  EXPECT_FALSE(response.validation().guard_results(0).passed());
}

// The key and the cursor of the stored rows are those after the table has followed the stream.
TEST_F(ValidateOnlyTest, CountsByKeyThatTheTableLacks) {
  Load("s1", Dedup(0), Record(1, "a", 1) + Record(2, "b", 1));
  Ask ask = Dedup(0);
  ask.json_schema =
      R"({"properties":{"id":{"type":"number"},"part":{"type":"string"},"at":{"type":"number"}}})";
  ask.primary_key = {"id", "part"};
  ASSERT_OK(Start("s2", ask));
  ASSERT_OK(Send("s2",
                 "{\"id\":1,\"at\":0.5}\n{\"id\":2,\"at\":2}\n{\"id\":2,\"part\":\"x\",\"at\":2}\n"
                 "{\"id\":3,\"at\":2}\n"));
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse response, Validate("s2"));
  EXPECT_EQ(Counts(response.validation()), "+2 ~1 -0 final");
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse done, Complete("s2"));
  EXPECT_EQ(done.rows(), 3);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table(kTable))), 4);
}

TEST_F(ValidateOnlyTest, MissingRecordsFailLikeInCompletion) {
  ASSERT_OK(Start("s1", Dedup(0)));
  ASSERT_OK(Send("s1", Record(1, "a") + Record(2, "b") + Record(3, "c")));
  Execute(absl::StrCat("UPDATE ", ledger(),
                       ".writer SET committed = '{[0,1),[2,3)}', durable_offset = 1"));
  v1::CompleteStreamRequest request = Completion("s1");
  request.set_validate_only(true);
  EXPECT_THAT(client().CompleteStream(request).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, "OFFSETS_MISSING"));
  request.set_status(v1::STREAM_STATUS_INCOMPLETE);
  EXPECT_OK(client().CompleteStream(request).status());
}

TEST_F(ValidateOnlyTest, AnswersWithOpenWritersAndNamesBlockers) {
  Load("s1", Replace(1), Record(1, "a"));
  Execute(absl::StrCat("CREATE VIEW ", Table("v"), " AS SELECT id FROM ", Table(kTable)));
  ASSERT_OK(Start("s2", Replace(2)));
  const std::unique_ptr<client::RecordsCall> call = client().StreamRecords();
  v1::StreamRecordsRequest header;
  header.mutable_header()->set_sync_id("s2");
  header.mutable_header()->mutable_descriptor()->set_name(kTable);
  ASSERT_TRUE(call->Write(header));
  while (QueryInt(absl::StrCat("SELECT count(*) FROM ", ledger(),
                               ".writer WHERE open_by IS NOT NULL")) == 0) {
  }
  const std::unique_ptr<postgres::Connection> reader = Connect();
  ASSERT_OK(reader->Execute(absl::StrCat("SET application_name = 'an analyst'; BEGIN; LOCK TABLE ",
                                         Table("v"), " IN ACCESS SHARE MODE")));
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse response, Validate("s2"));
  EXPECT_FALSE(response.validation().final());
  EXPECT_EQ(response.validation().rows_deleted(), 1);
  ASSERT_EQ(response.validation().blockers_size(), 2);
  for (const v1::Blocker& blocker : response.validation().blockers()) {
    EXPECT_EQ(blocker.application(), "an analyst");
    EXPECT_GT(blocker.pid(), 0);
  }
  reader->Rollback();
  ASSERT_OK(call->Finish());
  ASSERT_OK(Complete("s2"));
}

}  // namespace
}  // namespace syncline::testing
