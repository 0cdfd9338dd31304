// Streams that cannot start: the fault is found when the sync starts, is reported by name and is
// permanent, and the other streams are not affected.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <utility>

#include "base/error.h"
#include "tests/component/start_fixture.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;
using ::testing::HasSubstr;

class PartialStartTest : public StartFixture {
 protected:
  absl::StatusOr<SyncEntry> StartPartially(const std::string& sync_id,
                                           std::vector<StreamConfig> streams) {
    sync::StartRequest request = Request(sync_id, std::move(streams));
    request.allow_partial = true;
    return TryStart(request);
  }

  // What prevents the start, and the code and reason of its error.
  struct Fault {
    std::string sql;
    StreamConfig stream;
    StatusCode code;
    std::string reason;
  };

  std::vector<Fault> Faults() const {
    StreamConfig bad_schema = Append({"", "bad_schema"});
    bad_schema.json_schema = "[]";
    StreamConfig no_key = Append({"", "no_key"});
    no_key.write_mode = WriteMode::kDedup;
    StreamConfig twice = no_key;
    twice.descriptor.name = "twice";
    twice.primary_key = {{"id"}, {"id"}};
    StreamConfig hybrid = Append({"", "hybrid"});
    hybrid.generation_id = 3;
    hybrid.minimum_generation_id = 2;
    StreamConfig exact = Append({"", "exact"});
    exact.table_name = "a..b";
    const std::string seq = absl::StrCat("CREATE SEQUENCE ", InTarget("seq"));
    const std::string view = absl::StrCat("CREATE VIEW ", InTarget("v"), " AS SELECT 1 AS x");
    const std::string mood = absl::StrCat("CREATE TYPE ", InTarget("mood"), " AS ENUM ('a')");
    const std::string money = absl::StrCat("CREATE DOMAIN ", InTarget("money2"), " AS numeric");
    const std::string pair = absl::StrCat("CREATE TYPE ", InTarget("pair"), " AS (a int)");
    const std::string span =
        absl::StrCat("CREATE TYPE ", InTarget("span"), " AS RANGE (subtype = int8)");
    const StatusCode invalid = StatusCode::kInvalidArgument;
    const StatusCode failed = StatusCode::kFailedPrecondition;
    return {
        {"", bad_schema, invalid, "INVALID_SCHEMA"},
        {"", no_key, invalid, "MISSING_PK"},
        {"", twice, invalid, "INVALID_REQUEST"},
        {"", hybrid, StatusCode::kUnimplemented, "HYBRID_REFRESH"},
        {"", exact, invalid, "INVALID_NAME"},
        {"", Append({"pg_x", "reserved"}), StatusCode::kPermissionDenied, "RESERVED_SCHEMA"},
        {"", Append({"", std::string("n\0l", 3)}), invalid, "INVALID_NAME"},
        {"", Append({"", std::string(2000, 'x')}), invalid, "INVALID_REQUEST"},
        {view, Append({"", "v"}), failed, "TARGET_INCOMPATIBLE"},
        {seq, Replace({"", "seq"}, 2), failed, "TARGET_INCOMPATIBLE"},
        {mood, Append({"", "mood"}), failed, "TARGET_INCOMPATIBLE"},
        {money, Replace({"", "money2"}, 2), failed, "TARGET_INCOMPATIBLE"},
        {pair, Append({"", "pair"}), failed, "TARGET_INCOMPATIBLE"},
        {span, Append({"", "span"}), failed, "TARGET_INCOMPATIBLE"},
    };
  }

  int64_t Relations() {
    return QueryInt(
        absl::StrCat("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND "
                     "relnamespace = '",
                     Target(), "'::regnamespace"));
  }

  int64_t Syncs() {
    return QueryInt(absl::StrCat("SELECT count(*) FROM ", ledger_->schema(), ".sync"));
  }
};

TEST_F(PartialStartTest, FaultFailsOnlyItsStreamPermanently) {
  Execute("CREATE SCHEMA " + Target());
  int number = 0;
  for (const Fault& fault : Faults()) {
    if (!fault.sql.empty()) Execute(fault.sql);
    const std::string id = absl::StrCat(number++);
    const std::vector<StreamConfig> streams = {Append({"", "good1"}), fault.stream,
                                               Append({"", "good2"})};
    ASSERT_OK_AND_ASSIGN(const SyncEntry sync, StartPartially(id, streams));
    EXPECT_EQ(sync.state, SyncState::kRunning);
    EXPECT_EQ(sync.streams[0].state, StreamState::kOpen);
    EXPECT_EQ(sync.streams[2].state, StreamState::kOpen);
    const StreamEntry& failed = sync.streams[1];
    EXPECT_EQ(failed.state, StreamState::kFailed);
    EXPECT_THAT(failed.error, StatusIs(fault.code, fault.reason));
    EXPECT_FALSE(IsRetryable(failed.error));
    EXPECT_EQ(failed.plan.descriptor, fault.stream.descriptor);

    // Repeating the request gives the same result, also on another replica.
    registry_ = NewRegistry();
    ASSERT_OK_AND_ASSIGN(const SyncEntry resumed, StartPartially(id, streams));
    EXPECT_EQ(resumed.streams[1].state, StreamState::kFailed);
    EXPECT_EQ(resumed.streams[1].error, failed.error);
    EXPECT_EQ(resumed.streams[1].plan.descriptor, fault.stream.descriptor);

    // Calls on the stream return its error. The sync ends with the other streams.
    EXPECT_EQ(registry_->FindStream(id, fault.stream.descriptor).status(), failed.error);
    EXPECT_EQ(registry_->Complete(id, fault.stream.descriptor, {true, std::nullopt}).status(),
              failed.error);
    Complete(id, {"", "good1"});
    Complete(id, {"", "good2"});
    EXPECT_EQ(registry_->Get(id)->state, SyncState::kFinished);
  }
  EXPECT_EQ(Relations(), 2) << "no table of a stream that failed";
}

TEST_F(PartialStartTest, WithoutAllowPartialNothingRemains) {
  Execute("CREATE SCHEMA " + Target());
  for (const Fault& fault : Faults()) {
    if (!fault.sql.empty()) Execute(fault.sql);
    EXPECT_THAT(TryStart(Request("x", {Append({"", "good"}), fault.stream})).status(),
                StatusIs(fault.code, fault.reason));
  }
  EXPECT_EQ(Relations(), 0);
  EXPECT_EQ(Syncs(), 0);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", ledger_->schema(), ".table_column")), 0)
      << "the owner of a column is decided when its stream starts";
}

TEST_F(PartialStartTest, ConflictingObjectIsNamed) {
  Execute(absl::StrCat("CREATE SCHEMA ", Target(), "; CREATE DOMAIN ", InTarget("d"),
                       " AS int; CREATE TABLE ", InTarget("other"), " (x int); CREATE INDEX i ON ",
                       InTarget("other"), " (x)"));
  const auto message = [&](const std::string& name) {
    return std::string(TryStart(Request(name, {Append({"", name})})).status().message());
  };
  EXPECT_THAT(message("d"), HasSubstr(absl::StrCat(Target(), ".d is a domain")));
  EXPECT_THAT(message("i"), HasSubstr(absl::StrCat(Target(), ".i is an index")));
}

TEST_F(PartialStartTest, ArrayTypeDoesNotConflict) {
  Execute(absl::StrCat("CREATE SCHEMA ", Target(), "; CREATE TYPE ", InTarget("mood"),
                       " AS ENUM ('a')"));
  EXPECT_EQ(TableOf("1", Append({"", "_mood"})), absl::StrCat(Target(), "._mood"));
  EXPECT_EQ(TableOf("2", Replace({"", "_mood"}, 4)), absl::StrCat(Target(), "._mood"));
}

TEST_F(PartialStartTest, DecisionErrorFailsOneStream) {
  ASSERT_OK(TryStart(Request("gen", {Replace({"", "stale"}, 9)})).status());
  sync::StartRequest owned = Request("owner", {Append({"", "owned"})});
  owned.connection_id = "other";
  ASSERT_OK(TryStart(owned).status());
  ASSERT_OK_AND_ASSIGN(const SyncEntry sync,
                       StartPartially("s", {Replace({"", "stale"}, 4), Append({"", "owned"}),
                                            Append({"", "good"})}));
  EXPECT_THAT(sync.streams[0].error, StatusIs(StatusCode::kFailedPrecondition, "STALE_GENERATION"));
  EXPECT_EQ(GetDetail(registry_->Get("s")->streams[0].error).metadata,
            GetDetail(sync.streams[0].error).metadata);
  EXPECT_THAT(sync.streams[1].error, StatusIs(StatusCode::kFailedPrecondition, "TABLE_OWNED"));
  EXPECT_EQ(sync.streams[2].state, StreamState::kOpen);
  // The streams of other syncs were not superseded.
  EXPECT_EQ(registry_->Get("gen")->streams[0].state, StreamState::kOpen);
}

TEST_F(PartialStartTest, FailedStatementFailsOneStream) {
  Execute(
      absl::StrCat("CREATE SCHEMA ", Target(), "; CREATE FUNCTION ", InTarget("refuse"),
                   "() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN IF EXISTS (SELECT FROM "
                   "pg_event_trigger_ddl_commands() WHERE object_identity LIKE "
                   "'%.%refused_here') THEN RAISE 'not here'; END IF; END $$; "
                   "CREATE EVENT TRIGGER ",
                   Target(), " ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION ",
                   InTarget("refuse"), "()"));
  const std::vector<StreamConfig> streams = {Append({"", "refused_here"}), Append({"", "good"}),
                                             Replace({"", "also_refused_here"}, 1)};
  ASSERT_OK_AND_ASSIGN(const SyncEntry sync, StartPartially("s", streams));
  EXPECT_THAT(sync.streams[0].error,
              StatusIs(StatusCode::kFailedPrecondition, "REJECTED_BY_DATABASE"));
  EXPECT_EQ(sync.streams[1].state, StreamState::kOpen);
  EXPECT_EQ(sync.streams[2].state, StreamState::kFailed);
  EXPECT_THAT(TryStart(Request("whole", streams)).status(),
              StatusIs(StatusCode::kFailedPrecondition, "REJECTED_BY_DATABASE"));
  Execute("DROP EVENT TRIGGER " + Target());
}

// Found while the streams are decided, each under its own savepoint, so the statements for the
// others take effect.
TEST_F(PartialStartTest, UnreadableTableFailsOneStream) {
  const std::string role = schema() + "_role";
  ASSERT_OK(TryStart(Request("made", {Append({"", "denied"}), Append({"", "old"})})).status());
  Execute(absl::StrCat("CREATE ROLE ", role, "; GRANT USAGE, CREATE ON SCHEMA ", schema(), ", ",
                       Target(), " TO ", role, "; GRANT ALL ON ALL TABLES IN SCHEMA ", schema(),
                       " TO ", role, "; GRANT ALL ON ALL SEQUENCES IN SCHEMA ", schema(), " TO ",
                       role, "; ALTER TABLE ", InTarget("old"), " OWNER TO ", role));
  ASSERT_OK_AND_ASSIGN(
      const auto limited,
      postgres::Database::Create({absl::StrCat(dsn(), " options='-c role=", role, "'")}));
  write::LoaderContext loaders;
  loaders.database = limited.get();
  loaders.ledger = ledger_.get();
  writer_ = std::make_unique<write::Writer>(loaders);
  registry_ = NewRegistry();
  ASSERT_OK_AND_ASSIGN(
      const SyncEntry sync,
      StartPartially("s", {Append({"", "old"}), Append({"", "denied"}), Append({"", "new"})}));
  EXPECT_THAT(sync.streams[1].error,
              StatusIs(StatusCode::kPermissionDenied, "DB_PERMISSION_DENIED"));
  EXPECT_EQ(sync.streams[1].state, StreamState::kFailed);
  EXPECT_EQ(sync.streams[0].state, StreamState::kOpen);
  EXPECT_EQ(sync.streams[2].state, StreamState::kOpen);
  EXPECT_EQ(registry_->Get("s")->streams[1].state, StreamState::kFailed);
  EXPECT_EQ(registry_->Get("made")->streams[0].state, StreamState::kOpen) << "not taken over";
  Execute(absl::StrCat("DROP OWNED BY ", role, " CASCADE; DROP ROLE ", role));
}

TEST_F(PartialStartTest, SyncWithoutStartedStreamIsFinished) {
  StreamConfig bad = Append({"", "t"});
  bad.json_schema = "";
  ASSERT_OK_AND_ASSIGN(const SyncEntry sync, StartPartially("s", {bad}));
  EXPECT_EQ(sync.state, SyncState::kFinished);
  EXPECT_EQ(sync.streams[0].state, StreamState::kFailed);
  EXPECT_EQ(registry_->Get("s")->state, SyncState::kFinished);
}

TEST_F(PartialStartTest, KeyOfTooManyColumnsIsRefused) {
  std::vector<std::string> properties;
  for (int i = 0; i < 33; ++i) properties.push_back(absl::StrCat("p", i));
  StreamConfig wide = Append({"", "wide"}, properties);
  wide.write_mode = WriteMode::kDedup;
  for (const std::string& property : properties) wide.primary_key.push_back({property});
  EXPECT_THAT(TryStart(Request("33", {wide})).status(),
              StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  wide.primary_key.pop_back();
  EXPECT_OK(TryStart(Request("32", {wide})).status());
}

TEST_F(PartialStartTest, ResumeWithOtherInputIsRefused) {
  sync::StartRequest request = Request("s", {Append({"", "t"})});
  ASSERT_OK(TryStart(request).status());
  request.input_digest = "one";  // the first request had no digest
  ASSERT_OK(TryStart(request).status());
  request.input_digest = "two";
  EXPECT_THAT(TryStart(request).status(), StatusIs(StatusCode::kInvalidArgument, "INPUT_CHANGED"));
  request.input_digest = "";
  EXPECT_OK(TryStart(request).status());
  request.input_digest = std::string(257, 'x');
  EXPECT_THAT(TryStart(request).status(),
              StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
}

}  // namespace
}  // namespace syncline::testing
