// Syncs that are extended while they run: streams that are added, plans that change, the end of the
// sync, and rows of older generations that are marked as deleted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/stop_signal.h"
#include "client/append_call.h"
#include "server/postgres/connection/connection.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;

constexpr char kSchemaOfIds[] = R"({"properties":{"id":{"type":"integer"}}})";

class ExtendRpcTest : public AppTest {
 protected:
  static Ask WithSchema(Ask ask, const std::string& properties) {
    ask.json_schema = absl::StrCat(R"({"properties":{)", properties, "}}");
    return ask;
  }

  absl::StatusOr<v1::StartSyncResponse> Extend(const std::string& sync_id,
                                               const std::vector<v1::StreamConfig>& streams) {
    v1::StartSyncRequest request;
    request.set_sync_id(sync_id);
    request.set_extend(true);
    for (const v1::StreamConfig& stream : streams) *request.add_streams() = stream;
    return client().StartSync(request);
  }

  // The column's type as format_type() prints it, or an empty string.
  std::string TypeOf(const std::string& column) {
    return QueryValue(absl::StrCat(
        "SELECT coalesce((SELECT format_type(atttypid, atttypmod) FROM "
        "pg_attribute WHERE attrelid = '",
        Table(kTable), "'::regclass AND attname = '", column, "' AND NOT attisdropped), '')"));
  }

  // Waits until the call waits for a lock of `holder`, or has ended.
  void WaitUntilBlocked(const std::future<absl::Status>& call, postgres::Connection& holder) {
    ASSERT_OK_AND_ASSIGN(const postgres::Result pid, holder.Query("SELECT pg_backend_pid()", {}));
    const std::string blocked = absl::StrCat("SELECT count(*) FROM pg_stat_activity WHERE ",
                                             pid.Int(0, 0), " = ANY (pg_blocking_pids(pid))");
    while (call.wait_for(std::chrono::seconds(0)) != std::future_status::ready &&
           QueryInt(blocked) == 0) {
    }
  }

  v1::SyncState StateOf(const std::string& sync_id) {
    const auto sync = client().GetSync(sync_id);
    EXPECT_OK(sync.status());
    return sync.ok() ? sync->state() : v1::SYNC_STATE_UNSPECIFIED;
  }
};

TEST_F(ExtendRpcTest, UnknownSyncIsAnOrdinaryStartAndGetsMoreStreams) {
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse started, Extend("s", {Stream(Append(0), "a")}));
  EXPECT_FALSE(started.resumed());
  EXPECT_EQ(started.streams(0).plan_version(), 1);
  ASSERT_OK(Send("s", Record(1, "ann"), 0, "a"));
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse more,
                       Extend("s", {Stream(Append(0), "b"), Stream(Append(0), "a")}));
  ASSERT_EQ(more.streams_size(), 2);
  EXPECT_EQ(more.streams(0).descriptor().name(), "b");
  EXPECT_EQ(more.streams(1).plan_version(), 1);
  ASSERT_EQ(more.streams(1).writers_size(), 1);
  EXPECT_EQ(more.streams(1).writers(0).durable_offset(), 1);
  ASSERT_OK(Send("s", Record(2, "bob"), 1, "a"));
  ASSERT_OK(Send("s", Record(3, "cid"), 0, "b"));
  ASSERT_OK(Complete("s", v1::STREAM_STATUS_COMPLETE, "a"));
  ASSERT_OK(Complete("s", v1::STREAM_STATUS_COMPLETE, "b"));
  EXPECT_EQ(Rows("a"), "1:ann@0 2:bob@0");
  EXPECT_EQ(Rows("b"), "3:cid@0");
}

TEST_F(ExtendRpcTest, SyncFinishesOnlyByARequestWithoutStreams) {
  EXPECT_THAT(Extend("s", {}).status(), StatusIs(StatusCode::kNotFound, "UNKNOWN_SYNC"));
  ASSERT_OK(Extend("s", {Stream(Append(0))}));
  EXPECT_THAT(Extend("s", {}).status(), StatusIs(StatusCode::kFailedPrecondition, "STREAMS_OPEN"));
  ASSERT_OK(Complete("s"));
  EXPECT_EQ(StateOf("s"), v1::SYNC_STATE_RUNNING);
  // A stream can still be added, also after a restart of the server.
  RestartServer();
  ASSERT_OK(Extend("s", {Stream(Append(0), "late")}));
  ASSERT_OK(Complete("s", v1::STREAM_STATUS_COMPLETE, "late"));
  ASSERT_OK(Extend("s", {}));
  EXPECT_EQ(StateOf("s"), v1::SYNC_STATE_FINISHED);
  ASSERT_OK(Extend("s", {}));
  // What it had is returned; nothing can be added.
  ASSERT_OK(Extend("s", {Stream(Append(0))}));
  EXPECT_THAT(Extend("s", {Stream(Append(0), "too_late")}).status(),
              StatusIs(StatusCode::kFailedPrecondition, "STREAM_COMPLETED"));
}

// The caller may be gone: a newer sync of the tables ends what it has left.
TEST_F(ExtendRpcTest, SyncThatLosesItsLastStreamEnds) {
  ASSERT_OK(Extend("s", {Stream(Dedup(0)), Stream(Dedup(0), "other")}));
  ASSERT_OK(Extend("t", {Stream(Dedup(0))}));
  EXPECT_EQ(StateOf("s"), v1::SYNC_STATE_RUNNING);
  ASSERT_OK(Extend("u", {Stream(Dedup(0), "other")}));
  EXPECT_EQ(StateOf("s"), v1::SYNC_STATE_CANCELLED);
  EXPECT_THAT(Extend("s", {Stream(Dedup(0), "more")}).status(),
              StatusIs(StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
}

TEST_F(ExtendRpcTest, CancellationWhileAPlanChangesIsNamed) {
  const std::string ids = R"("id":{"type":"integer"})";
  ASSERT_OK(Extend("s", {Stream(WithSchema(Append(0), ids))}));
  const v1::StreamConfig changed =
      Stream(WithSchema(Append(0), absl::StrCat(ids, R"(,"more":{"type":"string"})")));
  const std::unique_ptr<postgres::Connection> other = Connect();
  ASSERT_OK(other->Begin());
  ASSERT_OK(other->Query(absl::StrCat("UPDATE ", ledger(), ".stream SET state = 'cancelled'"), {}));
  auto extended = std::async(std::launch::async, [&] { return Extend("s", {changed}).status(); });
  WaitUntilBlocked(extended, *other);
  ASSERT_OK(other->Commit());
  EXPECT_THAT(extended.get(), StatusIs(StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
}

TEST_F(ExtendRpcTest, EndOfASyncExcludesStreamsBeingAdded) {
  ASSERT_OK(Extend("s", {Stream(Dedup(0))}));
  // What a newer sync does last that has taken over the only stream.
  const std::unique_ptr<postgres::Connection> newer = Connect();
  ASSERT_OK(newer->Begin());
  ASSERT_OK(newer->Query(absl::StrCat("UPDATE ", ledger(), ".sync SET state = 'cancelled'"), {}));
  auto extended = std::async(std::launch::async,
                             [&] { return Extend("s", {Stream(Append(0), "late")}).status(); });
  WaitUntilBlocked(extended, *newer);
  ASSERT_OK(newer->Commit());
  EXPECT_THAT(extended.get(), StatusIs(StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", ledger(), ".stream")), 1);
}

TEST_F(ExtendRpcTest, OnlySyncsThatBeganWithExtendAreExtended) {
  ASSERT_OK(Start("plain", Append(0)));
  EXPECT_THAT(Extend("plain", {Stream(Append(0), "more")}).status(),
              StatusIs(StatusCode::kInvalidArgument, "SYNC_ID_REUSED"));
  ASSERT_OK(Extend("s", {Stream(Append(0), "other")}));
  ASSERT_OK(client().CancelSync("s"));
  EXPECT_THAT(Extend("s", {Stream(Append(0), "more")}).status(),
              StatusIs(StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
}

TEST_F(ExtendRpcTest, ColumnsAreAddedAndWidened) {
  const std::string narrow = R"("id":{"type":"integer"},"x":{"type":"integer"})";
  const std::string wide =
      R"("id":{"type":"integer"},"x":{"type":"number"},"name":{"type":"string"})";
  for (const bool dedup : {false, true}) {
    SCOPED_TRACE(dedup);
    const std::string id = absl::StrCat("s", dedup);
    const Ask ask = dedup ? Dedup(0) : Append(0);
    Execute(absl::StrCat("DROP TABLE IF EXISTS ", Table(kTable)));
    ASSERT_OK(Extend(id, {Stream(WithSchema(ask, narrow))}));
    ASSERT_OK(Send(id, "{\"id\":1,\"x\":5}\n"));
    ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse changed,
                         Extend(id, {Stream(WithSchema(ask, wide))}));
    EXPECT_EQ(changed.streams(0).plan_version(), 2);
    EXPECT_EQ(changed.streams(0).columns_size(), 3);
    // Sent twice it changes nothing, and neither does an older declaration.
    ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse again,
                         Extend(id, {Stream(WithSchema(ask, narrow))}));
    EXPECT_EQ(again.streams(0).plan_version(), 2);
    ASSERT_OK(Send(id, "{\"id\":2,\"x\":0.5,\"name\":\"bob\"}\n", 1));
    ASSERT_OK(Complete(id));
    EXPECT_EQ(TypeOf("x"), "numeric");
    EXPECT_EQ(
        QueryValue(absl::StrCat("SELECT string_agg(id || ':' || x || coalesce(':' || name, ''), "
                                "' ' ORDER BY id) FROM ",
                                Table(kTable))),
        "1:5 2:0.5:bob");
    ASSERT_OK(Extend(id, {}));
  }
}

// The table has the column as text, in which the declared integers are stored.
TEST_F(ExtendRpcTest, RepeatedRequestKeepsTheTypesOfTheTable) {
  const std::string text = R"("id":{"type":"integer"},"x":{"type":"string"})";
  const std::string number = R"("id":{"type":"integer"},"x":{"type":"integer"})";
  Load("before", WithSchema(Append(0), text), "{\"id\":1,\"x\":\"a\"}\n");
  const v1::StreamConfig stream = Stream(WithSchema(Append(0), number));
  ASSERT_OK(Extend("s", {stream}));
  RestartServer();
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse again, Extend("s", {stream}));
  EXPECT_EQ(again.streams(0).plan_version(), 1);
  EXPECT_EQ(TypeOf("x"), "character varying");
  ASSERT_OK(Send("s", "{\"id\":2,\"x\":7}\n"));
  ASSERT_OK(Complete("s"));
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT string_agg(x, ' ' ORDER BY id) FROM ", Table(kTable))),
            "a 7");
}

TEST_F(ExtendRpcTest, ReplaceChangesItsTargetOnlyWhenItIsPublished) {
  Load("before", Replace(1), Record(7, "old"));
  Ask ask = Replace(2);
  ask.json_schema = kSchemaOfIds;
  ASSERT_OK(Extend("s", {Stream(ask)}));
  ASSERT_OK(Send("s", "{\"id\":1}\n"));
  const Ask changed = WithSchema(Replace(2), R"("id":{"type":"integer"},"note":{"type":"string"})");
  ASSERT_OK(Extend("s", {Stream(changed)}));
  EXPECT_EQ(TypeOf("note"), "");
  ASSERT_OK(Send("s", "{\"id\":2,\"note\":\"n\"}\n", 1));
  ASSERT_OK(Complete("s"));
  EXPECT_EQ(
      QueryValue(absl::StrCat("SELECT string_agg(id || coalesce(note, ''), ' ' ORDER BY id) FROM ",
                              Table(kTable))),
      "1 2n");
}

TEST_F(ExtendRpcTest, FixedPartsOfAPlanCannotChange) {
  ASSERT_OK(Extend("s", {Stream(Dedup(3))}));
  const auto expect_changed = [&](const v1::StreamConfig& stream) {
    EXPECT_THAT(Extend("s", {stream}).status(),
                StatusIs(StatusCode::kInvalidArgument, "PLAN_CHANGED"));
  };
  expect_changed(Stream(Append(3)));
  expect_changed(Stream(Dedup(4)));
  expect_changed(Stream(DedupReplace(3)));
  Ask other_key = Dedup(3);
  other_key.primary_key = {"name"};
  expect_changed(Stream(other_key));
  v1::StreamConfig other_cursor = Stream(Dedup(3));
  other_cursor.clear_cursor();
  expect_changed(other_cursor);
  ASSERT_OK(Extend("s", {Stream(Append(0), "compact")}));
  v1::StreamConfig other_meta = Stream(Append(0), "compact");
  other_meta.set_meta(v1::META_COMPACT);
  expect_changed(other_meta);
  // After completion nothing can be added.
  ASSERT_OK(Complete("s"));
  ASSERT_OK(Extend("s", {Stream(Dedup(3))}));
  const Ask wider = WithSchema(
      Dedup(3), R"("id":{"type":"integer"},"name":{"type":"string"},"at":{"type":"integer"},
                   "more":{"type":"string"})");
  EXPECT_THAT(Extend("s", {Stream(wider)}).status(),
              StatusIs(StatusCode::kFailedPrecondition, "STREAM_COMPLETED"));
}

// An open call stays valid when columns are added, but not when one of its columns gets another
// type, because its rows would no longer fit the table.
TEST_F(ExtendRpcTest, OpenCallEndsWhenATypeChanges) {
  const std::string ids = R"("id":{"type":"integer"},"x":{"type":"integer"})";
  const std::string more = absl::StrCat(ids, R"(,"more":{"type":"string"})");
  const std::string other = R"("id":{"type":"integer"},"x":{"type":"boolean"})";
  for (const bool dedup : {false, true}) {
    SCOPED_TRACE(dedup);
    const std::string id = absl::StrCat("s", dedup);
    const Ask ask = dedup ? Dedup(0) : Append(0);
    Execute(absl::StrCat("DROP TABLE IF EXISTS ", Table(kTable)));
    ASSERT_OK(Extend(id, {Stream(WithSchema(ask, ids))}));
    StopSignal first, second;
    const auto call = client().AppendRecords([&](const v1::AppendRecordsResponse& answer) {
      if (answer.durable_offset() == 1) first.Set();
      if (answer.durable_offset() == 2) second.Set();
    });
    v1::AppendRecordsRequest header;
    header.mutable_header()->set_sync_id(id);
    *header.mutable_header()->mutable_descriptor() = Stream(ask).descriptor();
    ASSERT_TRUE(call->Write(header));
    const auto send = [&](int64_t offset) {
      v1::AppendRecordsRequest request;
      request.mutable_batch()->set_first_offset(offset);
      request.mutable_batch()->set_jsonl(absl::StrCat("{\"id\":", offset, ",\"x\":5}\n"));
      request.mutable_batch()->set_flush(true);
      return call->Write(request);
    };
    ASSERT_TRUE(send(0));
    ASSERT_FALSE(first.Wait(absl::Seconds(20)));
    ASSERT_OK(Extend(id, {Stream(WithSchema(ask, more))}));
    ASSERT_TRUE(send(1));
    ASSERT_FALSE(second.Wait(absl::Seconds(20)));
    ASSERT_OK(Extend(id, {Stream(WithSchema(ask, other))}));
    send(2);
    EXPECT_THAT(call->Finish().status(),
                StatusIs(StatusCode::kFailedPrecondition, "SCHEMA_CHANGED"));
    ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse sent,
                         Send(id, "{\"id\":2,\"x\":true}\n", 2));
    EXPECT_EQ(sent.records_rejected(), 0);
    ASSERT_OK(Complete(id));
    EXPECT_EQ(TypeOf("x"), "jsonb");
    EXPECT_EQ(QueryValue(absl::StrCat("SELECT string_agg(id || ':' || x, ' ' ORDER BY id) FROM ",
                                      Table(kTable))),
              "0:5 1:5 2:true");
    ASSERT_OK(Extend(id, {}));
  }
}

TEST_F(ExtendRpcTest, HeaderNamesAPlanVersionThatExists) {
  ASSERT_OK(Extend("s", {Stream(Append(0))}));
  v1::StreamRecordsRequest request;
  request.mutable_header()->set_sync_id("s");
  *request.mutable_header()->mutable_descriptor() = Stream(Append(0)).descriptor();
  request.mutable_header()->set_plan_version(2);
  const auto call = client().StreamRecords();
  call->Write(request);
  EXPECT_THAT(call->Finish().status(),
              StatusIs(StatusCode::kFailedPrecondition, "PLAN_VERSION_UNKNOWN"));
}

TEST_F(ExtendRpcTest, OlderGenerationsAreMarkedAsDeleted) {
  const std::string properties =
      R"("id":{"type":"integer"},"at":{"type":"integer"},
         "gone":{"type":"string","format":"date-time"})";
  for (const bool dedup : {false, true}) {
    SCOPED_TRACE(dedup);
    Execute(absl::StrCat("DROP TABLE IF EXISTS ", Table(kTable)));
    const auto ask = [&](int64_t generation) {
      return WithSchema(dedup ? Dedup(generation) : Append(generation), properties);
    };
    const std::string prefix = absl::StrCat("s", dedup);
    const int64_t first = dedup ? 20 : 10;
    Load(prefix + "a", ask(first), "{\"id\":1,\"at\":1}\n{\"id\":2,\"at\":1}\n");
    v1::StreamConfig marking = Stream(ask(first + 1));
    ASSERT_OK(Extend(prefix + "b", {marking}));
    ASSERT_OK(Send(prefix + "b", "{\"id\":2,\"at\":2}\n{\"id\":3,\"at\":2}\n"));
    marking.set_older_generations(v1::OLDER_GENERATIONS_MARK_DELETED);
    marking.set_deleted_at_column("gone");
    ASSERT_OK(Extend(prefix + "b", {marking}));
    ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse marked, Complete(prefix + "b"));
    // An append keeps both rows of the key 2, of which the older one is marked.
    EXPECT_EQ(marked.rows_marked_deleted(), dedup ? 1 : 2);
    ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse again, Complete(prefix + "b"));
    EXPECT_EQ(again.rows_marked_deleted(), marked.rows_marked_deleted());
    EXPECT_EQ(QueryValue(absl::StrCat("SELECT string_agg(id::text, ' ' ORDER BY id) FROM ",
                                      Table(kTable), " WHERE gone IS NULL")),
              "2 3");
  }
}

// Their records may beat none of the stored rows.
TEST_F(ExtendRpcTest, KeysSentAgainAreNotMarkedAsDeleted) {
  const auto ask = [](int64_t generation) {
    return WithSchema(Dedup(generation),
                      R"("id":{"type":"integer"},"at":{"type":"integer"},
                         "gone":{"type":"string","format":"date-time"})");
  };
  const auto start = [&](const std::string& sync_id, int64_t generation) {
    v1::StreamConfig stream = Stream(ask(generation));
    stream.set_older_generations(v1::OLDER_GENERATIONS_MARK_DELETED);
    stream.set_deleted_at_column("gone");
    return Extend(sync_id, {stream}).status();
  };
  const auto kept = [this] {
    return QueryValue(absl::StrCat("SELECT string_agg(id || ':' || at, ' ' ORDER BY id) FROM ",
                                   Table(kTable), " WHERE gone IS NULL"));
  };
  Load("a", ask(1),
       "{\"id\":1,\"at\":5}\n{\"id\":2,\"at\":5}\n{\"id\":3,\"at\":5}\n{\"id\":4,\"at\":5}\n");
  // Another sync completes the generation.
  ASSERT_OK(start("b", 2));
  ASSERT_OK(Send("b", "{\"id\":2,\"at\":3}\n"));
  ASSERT_OK(Complete("b", v1::STREAM_STATUS_INCOMPLETE));
  ASSERT_OK(start("c", 2));
  ASSERT_OK(Send("c", "{\"id\":3,\"at\":3}\n"));
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse marked, Complete("c"));
  EXPECT_EQ(marked.rows_marked_deleted(), 2);
  EXPECT_EQ(kept(), "2:5 3:5");
  // The newest record of a key is one of an earlier generation that is still staged.
  ASSERT_OK(start("d", 3));
  ASSERT_OK(Send("d", "{\"id\":2,\"at\":8}\n{\"id\":3,\"at\":9}\n"));
  ASSERT_OK(start("e", 4));
  ASSERT_OK(Send("e", "{\"id\":3,\"at\":6}\n"));
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse later, Complete("e"));
  EXPECT_EQ(later.rows_marked_deleted(), 1);
  EXPECT_EQ(kept(), "3:9");
}

// The column may be the user's.
TEST_F(ExtendRpcTest, RowsAreMarkedInColumnsOfOtherTypes) {
  const std::string ids = R"("id":{"type":"integer"},"at":{"type":"integer"})";
  const std::string marked = absl::StrCat(ids, R"(,"gone":{"type":"string","format":"date-time"})");
  Execute(absl::StrCat("CREATE DOMAIN ", Table("document"), " AS jsonb; CREATE TYPE ",
                       Table("mood"), " AS ENUM ('glad'); CREATE DOMAIN ", Table("feeling"), " AS ",
                       Table("mood")));
  int syncs = 0;
  std::string sync_id;
  const auto extend = [&](const std::string& type) {
    Execute(absl::StrCat("DROP TABLE IF EXISTS ", Table(kTable)));
    const int64_t generation = 2 * ++syncs;
    sync_id = absl::StrCat("s", syncs);
    Load(sync_id + "_before", WithSchema(Append(generation), ids), "{\"id\":1,\"at\":1}\n");
    Execute(absl::StrCat("ALTER TABLE ", Table(kTable), " ADD gone ", type));
    v1::StreamConfig stream = Stream(WithSchema(Append(generation + 1), marked));
    stream.set_older_generations(v1::OLDER_GENERATIONS_MARK_DELETED);
    stream.set_deleted_at_column("gone");
    return Extend(sync_id, {stream});
  };
  for (const std::string& type :
       {std::string("jsonb"), std::string("json"), Table("document"), std::string("varchar(10)"),
        std::string("timestamp(0)"), std::string("date")}) {
    SCOPED_TRACE(type);
    ASSERT_OK(extend(type));
    ASSERT_OK(Send(sync_id, "{\"id\":2,\"at\":2}\n"));
    ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse completed, Complete(sync_id));
    EXPECT_EQ(completed.rows_marked_deleted(), 1);
    EXPECT_EQ(
        QueryInt(absl::StrCat("SELECT id FROM ", Table(kTable), " WHERE gone::text LIKE '%-%'")),
        1);
  }
  const std::vector<std::string> others = {"boolean", "numeric", "interval",    "uuid",
                                           "inet",    "text[]",  Table("mood"), Table("feeling")};
  for (const std::string& type : others) {
    SCOPED_TRACE(type);
    EXPECT_THAT(extend(type).status(),
                StatusIs(StatusCode::kFailedPrecondition, "TARGET_INCOMPATIBLE"));
  }
}

TEST_F(ExtendRpcTest, MarkingNeedsATimestampAndAStreamThatKeepsRows) {
  v1::StreamConfig stream = Stream(Append(0));
  stream.set_older_generations(v1::OLDER_GENERATIONS_MARK_DELETED);
  stream.set_deleted_at_column("name");
  EXPECT_THAT(Extend("s", {stream}).status(),
              StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  // Rows of a table without our columns do not have a generation.
  stream = Stream(WithSchema(Append(0), R"("gone":{"type":"string","format":"date-time"})"));
  stream.set_older_generations(v1::OLDER_GENERATIONS_MARK_DELETED);
  stream.set_deleted_at_column("gone");
  stream.set_meta(v1::META_NONE);
  EXPECT_THAT(Extend("s", {stream}).status(),
              StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  // The time of the deletion would decide which record is newer.
  stream = Stream(WithSchema(Dedup(0), R"("id":{"type":"integer"},"gone":)"
                                       R"({"type":"string","format":"date-time"})"));
  stream.set_older_generations(v1::OLDER_GENERATIONS_MARK_DELETED);
  stream.set_deleted_at_column("gone");
  stream.mutable_cursor()->add_path("gone");
  EXPECT_THAT(Extend("s", {stream}).status(),
              StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  stream = Stream(WithSchema(Replace(1), R"("gone":{"type":"string","format":"date-time"})"));
  stream.set_older_generations(v1::OLDER_GENERATIONS_MARK_DELETED);
  stream.set_deleted_at_column("gone");
  EXPECT_THAT(Extend("s", {stream}).status(),
              StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
}

}  // namespace
}  // namespace syncline::testing
