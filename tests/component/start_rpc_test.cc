// StartSync through the real RPC: plans of streams that cannot start, resumes, inputs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;

class StartRpcTest : public AppTest {
 protected:
  // "bad" cannot start because a view has its name. "frozen" would get another column.
  v1::StartSyncRequest Request(const std::string& sync_id) const {
    v1::StartSyncRequest request;
    request.set_sync_id(sync_id);
    request.set_allow_partial(true);
    *request.add_streams() = Stream(Append(0), "good");
    *request.add_streams() = Stream(Append(0), "bad");
    v1::StreamConfig* const frozen = request.add_streams();
    *frozen = Stream(Append(0), "frozen");
    frozen->set_schema_policy(v1::SCHEMA_POLICY_FREEZE);
    return request;
  }

  void MakeTables() {
    Execute(absl::StrCat("CREATE VIEW ", Table("bad"), " AS SELECT 1 AS x"));
    Ask narrow = Append(0);
    narrow.json_schema = R"({"properties":{"id":{"type":"integer"}}})";
    ASSERT_OK(Start("narrow", narrow, "frozen"));
    ASSERT_OK(Complete("narrow", v1::STREAM_STATUS_COMPLETE, "frozen"));
  }

  static std::string ReasonIn(const google::rpc::Status& error) {
    google::rpc::ErrorInfo info;
    return error.details_size() > 0 && error.details(0).UnpackTo(&info) ? info.reason() : "";
  }
};

TEST_F(StartRpcTest, PlanAndResumeCarryStreamError) {
  MakeTables();
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse started, client().StartSync(Request("s")));
  ASSERT_EQ(started.streams_size(), 3);
  EXPECT_FALSE(started.streams(0).has_error());
  EXPECT_EQ(started.streams(0).state(), v1::STREAM_STATE_OPEN);
  const char* const reasons[] = {"", "TARGET_INCOMPATIBLE", "SCHEMA_FROZEN"};
  for (int i : {1, 2}) {
    const v1::StreamPlan& plan = started.streams(i);
    EXPECT_EQ(plan.state(), v1::STREAM_STATE_FAILED);
    EXPECT_EQ(plan.error().code(), static_cast<int>(StatusCode::kFailedPrecondition));
    EXPECT_EQ(ReasonIn(plan.error()), reasons[i]);
  }
  RestartServer();
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse resumed, client().StartSync(Request("s")));
  EXPECT_TRUE(resumed.resumed());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(resumed.streams(i).SerializeAsString(), started.streams(i).SerializeAsString());
  }
}

TEST_F(StartRpcTest, CallsOnFailedStreamReturnItsError) {
  MakeTables();
  ASSERT_OK(client().StartSync(Request("s")));
  for (const char* table : {"bad", "frozen"}) {
    const std::string reason = table[0] == 'b' ? "TARGET_INCOMPATIBLE" : "SCHEMA_FROZEN";
    EXPECT_THAT(Send("s", Record(1, "ann"), 0, table),
                StatusIs(StatusCode::kFailedPrecondition, reason));
    EXPECT_THAT(Complete("s", v1::STREAM_STATUS_INCOMPLETE, table),
                StatusIs(StatusCode::kFailedPrecondition, reason));
  }
  ASSERT_OK(Send("s", Record(1, "ann"), 0, "good"));
  ASSERT_OK(Complete("s", v1::STREAM_STATUS_COMPLETE, "good"));
  EXPECT_EQ(Rows("good"), "1:ann@0");
  ASSERT_OK_AND_ASSIGN(const v1::SyncSummary sync, client().GetSync("s"));
  EXPECT_EQ(sync.state(), v1::SYNC_STATE_FINISHED);
  EXPECT_EQ(sync.streams(1).state(), v1::STREAM_STATE_FAILED);
}

TEST_F(StartRpcTest, WithoutAllowPartialFirstErrorFailsTheCall) {
  MakeTables();
  v1::StartSyncRequest request = Request("s");
  request.set_allow_partial(false);
  EXPECT_THAT(client().StartSync(request).status(),
              StatusIs(StatusCode::kFailedPrecondition, "TARGET_INCOMPATIBLE"));
  EXPECT_THAT(client().GetSync("s").status(), StatusIs(StatusCode::kNotFound, "UNKNOWN_SYNC"));
  EXPECT_EQ(Rows("good"), "missing");
}

// A change that does not affect what is loaded is not another request.
TEST_F(StartRpcTest, ResumeMayAddAllowPartialButNotOtherInput) {
  v1::StartSyncRequest request;
  request.set_sync_id("s");
  request.set_input_digest("size 1");
  *request.add_streams() = Stream(Append(0), "t");
  ASSERT_OK(client().StartSync(request));
  request.set_allow_partial(true);
  request.clear_input_digest();
  ASSERT_OK(client().StartSync(request));
  request.set_input_digest("size 2");
  EXPECT_THAT(client().StartSync(request).status(),
              StatusIs(StatusCode::kInvalidArgument, "INPUT_CHANGED"));
}

TEST_F(StartRpcTest, PlanOnlyChangesNothing) {
  Ask narrow = Append(0);
  narrow.json_schema = R"({"properties":{"id":{"type":"integer"}}})";
  Load("s", narrow, "{\"id\":1}\n");
  v1::StartSyncRequest request;
  request.set_plan_only(true);
  *request.add_streams() = Stream(Append(0));
  *request.add_streams() = Stream(Append(0), "new");
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse planned, client().StartSync(request));
  ASSERT_EQ(planned.streams_size(), 2);
  EXPECT_EQ(planned.streams(0).table_name(), kTable);
  ASSERT_EQ(planned.streams(0).changes_size(), 2);
  EXPECT_EQ(planned.streams(0).changes(0).kind(), v1::SchemaChange::KIND_ADD_COLUMN);
  ASSERT_EQ(planned.streams(1).changes_size(), 1);
  EXPECT_EQ(planned.streams(1).changes(0).kind(), v1::SchemaChange::KIND_CREATE_TABLE);
  EXPECT_EQ(planned.streams(0).placement().kind(), v1::TablePlacement::KIND_ORDINARY);
  EXPECT_EQ(planned.streams(0).placement().access_method(), "heap");
  EXPECT_EQ(planned.streams(1).placement().access_method(), "") << "the table does not exist yet";
  EXPECT_EQ(Rows("new"), "missing");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM pg_attribute WHERE attrelid = '",
                                  Table(kTable), "'::regclass AND attname = 'name'")),
            0);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", ledger(), ".sync")), 1);
  // The id must be missing, so that an older server without the field refuses the request.
  request.set_sync_id("p");
  EXPECT_THAT(client().StartSync(request).status(),
              StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  request.clear_sync_id();
  // The stream of an open sync is not superseded, and a refusal is the same as that of a start.
  ASSERT_OK(Start("open", narrow));
  request.mutable_streams(0)->set_schema_policy(v1::SCHEMA_POLICY_FREEZE);
  EXPECT_THAT(client().StartSync(request).status(),
              StatusIs(StatusCode::kFailedPrecondition, "SCHEMA_FROZEN"));
  request.set_allow_partial(true);
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse partial, client().StartSync(request));
  EXPECT_EQ(ReasonIn(partial.streams(0).error()), "SCHEMA_FROZEN");
  EXPECT_FALSE(partial.streams(1).has_error());
  ASSERT_OK(Send("open", "{\"id\":2}\n"));
}

TEST_F(StartRpcTest, SchemaIsCreatedUnlessForbidden) {
  const std::string missing = schema() + "_missing";
  v1::StartSyncRequest request;
  request.set_sync_id("s");
  request.set_existing_schemas_only(true);
  *request.add_streams() = Stream(Append(0));
  request.mutable_streams(0)->mutable_descriptor()->set_namespace_(missing);
  EXPECT_THAT(client().StartSync(request).status(),
              StatusIs(StatusCode::kFailedPrecondition, "SCHEMA_MISSING"));
  EXPECT_THAT(client().GetSync("s").status(), StatusIs(StatusCode::kNotFound, "UNKNOWN_SYNC"));
  request.set_existing_schemas_only(false);
  ASSERT_OK(client().StartSync(request));
  Execute(absl::StrCat("DROP SCHEMA ", missing, " CASCADE"));
}

TEST_F(StartRpcTest, StreamWithoutPropertiesLoads) {
  Ask bare = Replace(4);
  bare.json_schema = "{}";
  Load("s", bare, "{\"x\":1}\n{}\n");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table(kTable))), 2);
  bare = Append(4);
  bare.json_schema = R"({"type":"object","additionalProperties":true})";
  Load("t", bare, "{\"y\":[1]}\n");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table(kTable))), 3);
}

}  // namespace
}  // namespace syncline::testing
