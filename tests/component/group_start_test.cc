// Starts of many streams at once: the tables and the ledger's rows are those of starts one by one,
// one bad stream does not stop the others, and the number of statements is bounded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/model/names.h"
#include "server/write/loaders/new_table_start.h"
#include "tests/component/start_fixture.h"
#include "tests/support/faulty_database.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;

class GroupStartTest : public StartFixture {
 protected:
  void TearDown() override {
    if (!schema().empty()) Execute("DROP EVENT TRIGGER IF EXISTS " + schema());
    StartFixture::TearDown();
    registry_ = nullptr;
    store_ = nullptr;
    writer_ = nullptr;
  }

  static StreamConfig WithKey(StreamConfig stream) {
    stream.write_mode = WriteMode::kDedup;
    stream.primary_key = {{"id"}};
    return stream;
  }

  // One stream of each loader and of each kind of note, with names that end in `number`.
  static std::vector<StreamConfig> StreamsOfAllKinds(int number) {
    const auto name = [&](absl::string_view kind) {
      return StreamDescriptor{"", absl::StrCat(kind, number)};
    };
    StreamConfig append = Append(name("append"), {"id", "Größe", "with space"});
    StreamConfig dedup = WithKey(Append(name("dedup"), {"id", "at"}));
    dedup.cursor = {"at"};
    dedup.cdc_delete_mode = CdcDeleteMode::kSoft;
    StreamConfig replace = Replace(name("replace"), 3);
    replace.replay = Replay::kFromStart;
    replace.guard.min_rows = 5;
    replace.guard.max_shrink = 0.25;
    replace.guard.not_null = {{"id", 0.5}};
    replace.inferred_schema = true;
    StreamConfig dedup_replace = WithKey(Replace(name("dedup_replace"), 2));
    dedup_replace.schema_policy = SchemaPolicy::kMirror;
    dedup_replace.guard.unique_key = true;
    dedup_replace.airbyte_sync_id = number;
    StreamConfig plain = Append(name("plain"), {});
    plain.replay = Replay::kFromCheckpoint;
    return {append, dedup, replace, dedup_replace, plain};
  }

  // Leaves what earlier syncs leave: a table that exists, one that was dropped after its generation
  // was completed, and a staging table without a target.
  void MakeHistory() {
    StreamConfig dropped = Replace({"", "dropped"}, 1);
    Start("earlier", {Append({"", "kept"}), dropped});
    Complete("earlier", {"", "kept"});
    Complete("earlier", {"", "dropped"});
    Execute("DROP TABLE " + InTarget("dropped"));
    Start("cancelled", {Replace({"", "staged"}, 2)});
    ASSERT_OK(registry_->Cancel("cancelled").status());
  }

  static std::vector<StreamConfig> StreamsWithHistory() {
    StreamConfig dropped = Replace({"", "dropped"}, 1);
    dropped.replay = Replay::kFromStart;
    StreamConfig kept = Append({"", "kept"}, {"id", "added"});
    return {kept, dropped, Replace({"", "staged"}, 2)};
  }

  // The SQL condition that pg_class c is a staging table.
  std::string IsStaging() const {
    return absl::StrCat("starts_with(c.relname, '", kStagingTablePrefix,
                        "') AND c.relnamespace = '", schema(), "'::regnamespace");
  }

  // Returns the rows of the ledger and the definitions of all tables, without numbers and times.
  std::vector<std::vector<std::string>> Describe() {
    std::vector<std::vector<std::string>> all;
    const auto add = [&](const std::string& sql) {
      for (auto& row : QueryText(sql)) all.push_back(std::move(row));
    };
    const auto rows = [&](const std::string& table, const std::string& order,
                          const std::string& hidden) {
      add(absl::StrCat("SELECT '", table, "', (to_jsonb(t) - '{", hidden, "}'::text[])::text FROM ",
                       schema(), ".", table, " t ORDER BY ", order));
    };
    rows("stream", "sync_no, ordinal", "stream_no,sync_no,finished_at");
    rows("generation", "table_name, generation_id", "started_at,completed_at");
    rows("staging", "table_name", "");
    rows("stream_table", "table_name", "");
    rows("table_column", "table_name, input_name", "");
    rows("table_index", "table_name", "");
    rows("sync", "sync_id", "sync_no,started_at,finished_at");
    add(absl::StrCat(
        "SELECT c.relname, c.relkind, c.relpersistence, c.reloptions, c.relacl, a.attname, "
        "format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attstorage FROM pg_class c JOIN "
        "pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 WHERE c.relkind <> 'i' AND "
        "(c.relnamespace = '",
        Target(), "'::regnamespace OR ", IsStaging(), ") ORDER BY c.relname, a.attnum"));
    return all;
  }

  void Reset() {
    registry_ = NewRegistry();
    for (const auto& staging : QueryText(absl::StrCat(
             "SELECT c.oid::regclass FROM pg_class c WHERE c.relkind = 'r' AND ", IsStaging()))) {
      Execute("DROP TABLE " + staging[0]);
    }
    Execute(absl::StrCat("DROP SCHEMA ", Target(), " CASCADE; TRUNCATE ", schema(), ".sync, ",
                         schema(), ".generation, ", schema(), ".stream_table, ", schema(),
                         ".writer, ", schema(), ".table_column, ", schema(), ".table_index, ",
                         schema(), ".staging RESTART IDENTITY CASCADE"));
  }

  // From now on the database refuses to create tables whose name ends with "refused".
  void RefuseTable() {
    Execute(absl::StrCat(
        "CREATE FUNCTION ", schema(),
        ".refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN IF EXISTS (SELECT FROM "
        "pg_event_trigger_ddl_commands() WHERE object_identity LIKE '%",
        Target(), ".%refused') THEN RAISE 'not here'; END IF; END $$; CREATE EVENT TRIGGER ",
        schema(), " ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION ", schema(),
        ".refuse()"));
  }

  absl::StatusOr<SyncEntry> StartPartially(const std::string& sync_id,
                                           const std::vector<StreamConfig>& streams) {
    sync::StartRequest request = Request(sync_id, streams);
    request.allow_partial = true;
    return TryStart(request);
  }

  // From now on the fixture's objects use a database that counts statements.
  void UseCountingDatabase() {
    counting_ = std::make_unique<FaultyDatabase>(&database());
    write::LoaderContext loaders;
    loaders.database = counting_.get();
    loaders.ledger = ledger_.get();
    writer_ = std::make_unique<write::Writer>(loaders);
    store_ = std::make_unique<write::StreamStateStore>(counting_.get(), connections_.get(),
                                                       ledger_.get(), "counting");
    registry_ = NewRegistry();
  }

  // Returns the number of events that `body` causes: one per statement, two per COMMIT.
  template <typename Body>
  int64_t CountEvents(Body body) {
    constexpr int64_t kMany = 1'000'000;
    counting_->CrashAt(kMany);
    body();
    return kMany - counting_->events_left();
  }

 private:
  std::unique_ptr<FaultyDatabase> counting_;
};

TEST_F(GroupStartTest, MakesTheSameAsStartsOneByOne) {
  // More than one transaction's tables.
  std::vector<StreamConfig> streams = StreamsWithHistory();
  for (int number = 0; number < 45; ++number) {
    for (StreamConfig& stream : StreamsOfAllKinds(number)) streams.push_back(std::move(stream));
  }
  ASSERT_GT(streams.size(), 2 * write::kMaxNewTables);
  MakeHistory();
  ASSERT_OK_AND_ASSIGN(const SyncEntry together, StartPartially("s", streams));
  const auto expected = Describe();

  // With one bad stream in each group, no group starts as a whole.
  Reset();
  MakeHistory();
  RefuseTable();
  std::vector<StreamConfig> with_bad = streams;
  for (size_t i = 0; i < streams.size(); i += 20) {
    with_bad.insert(with_bad.begin() + static_cast<std::ptrdiff_t>(i), Append({"", "x"}));
    with_bad[i].descriptor.name = absl::StrCat(i, "refused");
  }
  ASSERT_OK_AND_ASSIGN(const SyncEntry apart, StartPartially("s", with_bad));
  std::vector<StreamEntry> started;
  for (const StreamEntry& stream : apart.streams) {
    if (stream.state == StreamState::kOpen) started.push_back(stream);
  }
  Execute(absl::StrCat("DELETE FROM ", schema(), ".stream WHERE name LIKE '%refused'"));
  for (const char* table : {"generation", "stream_table", "table_column"}) {
    Execute(
        absl::StrCat("DELETE FROM ", schema(), ".", table, " WHERE table_name LIKE '%refused'"));
  }
  Execute(absl::StrCat("UPDATE ", schema(),
                       ".stream s SET ordinal = n.ordinal FROM (SELECT "
                       "stream_no, row_number() OVER (PARTITION BY sync_no ORDER BY ordinal) - 1 "
                       "AS ordinal FROM ",
                       schema(), ".stream) n WHERE n.stream_no = s.stream_no"));
  EXPECT_EQ(Describe(), expected);

  ASSERT_EQ(started.size(), together.streams.size());
  for (size_t i = 0; i < started.size(); ++i) {
    const StreamEntry& one = started[i];
    const StreamEntry& grouped = together.streams[i];
    EXPECT_EQ(grouped.state, StreamState::kOpen);
    EXPECT_EQ(grouped.plan.descriptor, one.plan.descriptor);
    EXPECT_EQ(grouped.plan.restart, one.plan.restart) << one.plan.descriptor.name;
    EXPECT_EQ(grouped.staged_alone, one.staged_alone) << one.plan.descriptor.name;
    EXPECT_EQ(grouped.changes.size(), one.changes.size());
    EXPECT_EQ(grouped.warnings.size(), one.warnings.size());
  }
}

TEST_F(GroupStartTest, OneBadStreamFailsAlone) {
  RefuseTable();
  std::vector<StreamConfig> streams;
  for (int i = 0; i < 30; ++i) streams.push_back(Append({"", absl::StrCat("t", i)}));
  streams[17].descriptor.name = "refused";
  ASSERT_OK_AND_ASSIGN(const SyncEntry sync, StartPartially("s", streams));
  for (const StreamEntry& stream : sync.streams) {
    const bool bad = stream.plan.descriptor.name == "refused";
    EXPECT_EQ(stream.state, bad ? StreamState::kFailed : StreamState::kOpen);
  }
  EXPECT_THAT(sync.streams[17].error,
              StatusIs(StatusCode::kFailedPrecondition, "REJECTED_BY_DATABASE"));
  EXPECT_THAT(TryStart(Request("whole", streams)).status(),
              StatusIs(StatusCode::kFailedPrecondition, "REJECTED_BY_DATABASE"));
}

TEST_F(GroupStartTest, InterruptedStartResumes) {
  std::vector<StreamConfig> streams;
  for (int i = 0; i < 130; ++i) streams.push_back(Append({"", absl::StrCat("t", i)}));
  streams[120].descriptor.name = "refused";
  RefuseTable();
  // The first transaction has committed, and the second one has failed.
  EXPECT_THAT(TryStart(Request("s", streams)).status(),
              StatusIs(StatusCode::kFailedPrecondition, "REJECTED_BY_DATABASE"));
  Execute("DROP EVENT TRIGGER " + schema());
  ASSERT_OK_AND_ASSIGN(const SyncEntry sync, TryStart(Request("s", streams)));
  EXPECT_EQ(sync.state, SyncState::kRunning);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND "
                                  "relnamespace = '",
                                  Target(), "'::regnamespace")),
            130);
}

TEST_F(GroupStartTest, NumberOfStatementsIsBounded) {
  UseCountingDatabase();
  const auto start = [&](const std::string& prefix, int count) {
    std::vector<StreamConfig> streams;
    for (int number = 0; number < count / 5; ++number) {
      for (StreamConfig& stream : StreamsOfAllKinds(number)) {
        stream.descriptor.name = prefix + stream.descriptor.name;
        streams.push_back(std::move(stream));
      }
    }
    return CountEvents([&] { EXPECT_OK(TryStart(Request(prefix, streams)).status()); });
  };
  start("first", 5);  // creates the schema
  const int64_t of_one_group = start("a", 100);
  EXPECT_LE(of_one_group, 60);
  // Each group: the locks' timeout and the locks, states, two look-ups, the tables and their
  // protection, three statements for the ledger, COMMIT.
  EXPECT_LE(start("b", 300), of_one_group + 2 * 12);
}

TEST_F(GroupStartTest, CompletionOfAppendTakesFewStatements) {
  UseCountingDatabase();
  Start("s", {Append({"", "t"}), Append({"", "other"})});
  // A table that the sync has created loses the default of its meta column in a transaction of its
  // own.
  EXPECT_LE(CountEvents([&] { Complete("s", {"", "t"}); }), 16 + 7);
  Start("next", {Append({"", "t"}), Append({"", "other"})});
  EXPECT_LE(CountEvents([&] { Complete("next", {"", "t"}); }), 16);
}

// Both syncs have the same tables, in opposite orders.
TEST_F(GroupStartTest, ConcurrentStartsDoNotDeadlock) {
  std::vector<StreamConfig> streams;
  for (int i = 0; i < 60; ++i) streams.push_back(Append({"", absl::StrCat("t", i)}));
  const std::vector<StreamConfig> reversed(streams.rbegin(), streams.rend());
  const auto other = NewRegistry();
  absl::Status first, second;
  std::thread thread([&] { first = registry_->Start(Request("first", streams)).status(); });
  second = other->Start(Request("second", reversed)).status();
  thread.join();
  EXPECT_OK(first);
  EXPECT_OK(second);
}

}  // namespace
}  // namespace syncline::testing
