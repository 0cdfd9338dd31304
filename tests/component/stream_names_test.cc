// Names are sticky: the table of a stream and the column of a property, over several syncs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/thread.h"
#include "server/model/names.h"
#include "tests/component/start_fixture.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class StreamNamesTest : public StartFixture {
 protected:
  std::string Plain(const std::string& name) const { return absl::StrCat(Target(), ".", name); }

  // Maps each property to its column in the plan.
  static std::map<std::string, std::string> Columns(const StreamEntry& stream) {
    std::map<std::string, std::string> columns;
    for (const ColumnSchema& column : stream.plan.schema.columns) {
      columns[column.input_name] = column.column_name;
    }
    return columns;
  }

  std::string DescribeColumns(const std::string& table) {
    return QueryValue(absl::StrCat(
        "SELECT coalesce(string_agg(column_name || CASE WHEN owned THEN '' ELSE '*' END, ' ' "
        "ORDER BY column_name), '') FROM ",
        ledger_->schema(), ".table_column WHERE table_name = '", table, "'"));
  }
};

TEST_F(StreamNamesTest, PartialCatalogLoadsTheSameTables) {
  const SyncEntry both = Start("both", {Append({"", "a.b"}), Append({"", "a_b"})});
  EXPECT_EQ(both.streams[1].plan.table.ToString(), Plain("a_b"));
  EXPECT_THAT(both.streams[0].plan.table.name, StartsWith("a_b_"));
  EXPECT_EQ(TableOf("alone", Append({"", "a.b"})), both.streams[0].plan.table.ToString());
  EXPECT_EQ(TableOf("replaced", Replace({"", "a.b"}, 7)), both.streams[0].plan.table.ToString());
  EXPECT_EQ(TableOf("other", Append({"", "a_b"})), Plain("a_b"));
}

TEST_F(StreamNamesTest, FirstStreamKeepsNameAfterCancelledSync) {
  EXPECT_EQ(TableOf("first", Append({"", "a.b"})), Plain("a_b"));
  ASSERT_OK(registry_->Cancel("first").status());
  EXPECT_THAT(TableOf("second", Append({"", "a_b"})), StartsWith(Plain("a_b_")));
  EXPECT_EQ(TableOf("third", Append({"", "a.b"})), Plain("a_b"));
}

TEST_F(StreamNamesTest, EqualMappedNamespacesStayApart) {
  const std::string one = TableOf("one", Replace({Target() + "-x", "t"}, 1));
  const std::string two = TableOf("two", Replace({Target() + "_x", "t"}, 1));
  EXPECT_EQ(one, absl::StrCat(Target(), "_x.t"));
  EXPECT_NE(two, one);
  EXPECT_EQ(TableOf("again", Append({Target() + "_x", "t"})), two);
  Execute(absl::StrCat("DROP SCHEMA ", Target(), "_x CASCADE"));
}

TEST_F(StreamNamesTest, NamedDefaultNamespaceIsTheSameStream) {
  EXPECT_EQ(TableOf("absent", Append({"", "t"})), TableOf("named", Append({Target(), "t"})));
  EXPECT_THAT(TryStart(Request("both", {Append({"", "t"}), Append({Target(), "t"})})).status(),
              StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
}

TEST_F(StreamNamesTest, HashAvoidsWhatExists) {
  struct Case {
    std::string create;  // $N: the table that the stream would get; $E: that without its "_"
    bool taken = true;
  };
  const std::vector<Case> cases = {
      {"CREATE VIEW $N AS SELECT 1 AS x"},
      {"CREATE TABLE $N (x int)"},
      {"CREATE TYPE $N AS ENUM ('x')"},
      {"CREATE TYPE $N AS (x int)"},
      {"CREATE DOMAIN $N AS int"},
      // Its array type has the name, and is renamed when a table gets it.
      {.create = "CREATE TYPE $E AS ENUM ('x')", .taken = false},
  };
  Execute("CREATE SCHEMA " + Target());
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(cases[i].create);
    const std::string exact = absl::StrCat("_a_", i), mapped = absl::StrCat("_a.", i);
    const std::string name =
        AssignTables({*NameStream({"", exact}, Target()), *NameStream({"", mapped}, Target())})[1]
            .name;
    ASSERT_THAT(name, StartsWith(exact + "_"));
    Execute(absl::StrReplaceAll(cases[i].create,
                                {{"$N", InTarget(name)}, {"$E", InTarget(name.substr(1))}}));
    const SyncEntry both = Start(mapped, {Append({"", mapped}), Append({"", exact})});
    const std::string& got = both.streams[0].plan.table.name;
    EXPECT_EQ(got != name, cases[i].taken) << got;
    EXPECT_THAT(got, StartsWith(exact + "_"));
  }
}

TEST_F(StreamNamesTest, ConcurrentServersAssignTableOnce) {
  for (int round = 0; round < 10; ++round) {
    const std::string name = absl::StrCat("r", round);
    std::vector<absl::StatusOr<write::StartedSync>> started(4);
    {
      std::vector<std::unique_ptr<Thread>> threads;
      for (size_t i = 0; i < started.size(); ++i) {
        threads.push_back(std::make_unique<Thread>("start", [&, i] {
          const std::string stream = absl::StrCat(name, std::string(1, ".-_+"[i]), "x");
          started[i] =
              NewRegistry()->Start(Request(absl::StrCat(name, "/", i), {Append({"", stream})}));
        }));
      }
    }
    std::set<TableName> tables;
    for (const auto& sync : started) {
      ASSERT_OK(sync.status());
      EXPECT_TRUE(tables.insert(sync->sync.streams[0].plan.table).second);
    }
  }
}

TEST_F(StreamNamesTest, PropertiesKeepTheirColumns) {
  StartOne("1", Append({"", "t"}, {"a b", "Id"}));
  const StreamEntry second = StartOne("2", Append({"", "t"}, {"a_b", "id"}));
  EXPECT_THAT(Columns(second)["a_b"], StartsWith("a_b_"));
  EXPECT_EQ(Columns(second)["id"], "id");
  const StreamEntry third = StartOne("3", Append({"", "t"}, {"id", "a_b", "Id", "a b"}));
  EXPECT_EQ(Columns(third)["a b"], "a_b");
  EXPECT_EQ(Columns(third)["a_b"], Columns(second)["a_b"]);
  EXPECT_EQ(Columns(third)["Id"], "Id");
}

TEST_F(StreamNamesTest, KeysAndCursorsFollowTheirColumns) {
  StartOne("1", Append({"", "t"}, {"a b"}));
  StreamConfig dedup = Append({"", "t"}, {"a_b", "a b"});
  dedup.write_mode = WriteMode::kDedup;
  dedup.primary_key = {{"a_b"}};
  dedup.cursor = {"a b"};
  const StreamEntry stream = StartOne("2", dedup);
  EXPECT_THAT(stream.plan.schema.primary_key, ElementsAre(Columns(stream)["a_b"]));
  EXPECT_EQ(stream.plan.schema.cursor, "a_b");
}

TEST_F(StreamNamesTest, UserColumnIsFilledAndStaysTheUsers) {
  StartOne("1", Append({"", "t"}, {"id"}));
  Execute(absl::StrCat("ALTER TABLE ", InTarget("t"), " ADD note bigint"));
  EXPECT_EQ(Columns(StartOne("2", Append({"", "t"}, {"id", "note"})))["note"], "note");
  EXPECT_EQ(DescribeColumns("t"), "id note*");
  // A column that the user drops and adds again belongs to the user.
  Execute(absl::StrCat("ALTER TABLE ", InTarget("t"), " DROP id"));
  StartOne("3", Append({"", "t"}, {"note"}));
  EXPECT_EQ(DescribeColumns("t"), "id* note*");
  Execute(absl::StrCat("ALTER TABLE ", InTarget("t"), " ADD id bigint"));
  StartOne("4", Append({"", "t"}, {"id"}));
  EXPECT_EQ(DescribeColumns("t"), "id* note*");
}

TEST_F(StreamNamesTest, MissingTableIsRecreatedWithWarning) {
  for (const char* gone : {"DROP TABLE $", "ALTER TABLE $ RENAME TO elsewhere"}) {
    const std::string id = gone;
    EXPECT_THAT(StartOne(id + "/first", Append({"", "t"})).warnings, IsEmpty());
    Complete(id + "/first", {"", "t"});
    Execute(absl::StrReplaceAll(gone, {{"$", InTarget("t")}}));
    const StreamEntry again = StartOne(id + "/again", Append({"", "t"}));
    ASSERT_EQ(again.warnings.size(), 1u) << gone;
    EXPECT_EQ(again.warnings[0].code, "TABLE_MISSING");
    EXPECT_EQ(again.plan.table.ToString(), Plain("t"));
    // A resumed sync warns again; the next sync does not.
    EXPECT_EQ(StartOne(id + "/again", Append({"", "t"})).warnings.size(), 1u);
    EXPECT_THAT(StartOne(id + "/next", Append({"", "t"})).warnings, IsEmpty());
    Execute(absl::StrCat("DROP TABLE ", InTarget("t")));
    Execute(absl::StrCat("TRUNCATE ", ledger_->schema(), ".generation"));
  }
}

StreamConfig To(StreamConfig stream, const std::string& table) {
  stream.table_name = table;
  return stream;
}

TEST_F(StreamNamesTest, ExactTableIsNotMapped) {
  EXPECT_EQ(TableOf("1", To(Append({"", "s"}), absl::StrCat(Target(), ".\"My Table\""))),
            Plain("My Table"));
  EXPECT_EQ(TableOf("2", To(Append({"", "u"}), "Orders")), Plain("orders"));
  // The table had no stream, so it belongs to this one from now on.
  EXPECT_EQ(TableOf("3", Append({"", "s"})), Plain("My Table"));
  EXPECT_THAT(TableOf("4", Append({"", "orders"})), StartsWith(Plain("orders_")));
  // Another table does not change that.
  EXPECT_EQ(TableOf("5", To(Append({"", "s"}), "other")), Plain("other"));
  EXPECT_EQ(TableOf("6", Append({"", "s"})), Plain("My Table"));
  // This holds whichever stream created it.
  EXPECT_EQ(TableOf("7", To(Append({"", "new"}), "orders")), Plain("orders"));
}

TEST_F(StreamNamesTest, ExactTableHasOneStreamAndOneOwner) {
  const auto refused = [&](const std::string& id, std::vector<StreamConfig> streams) {
    return TryStart(Request(id, std::move(streams))).status();
  };
  EXPECT_THAT(refused("1", {To(Append({"", "a"}), "t"), To(Append({"", "b"}), "\"t\"")}),
              StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  EXPECT_THAT(refused("2", {To(Append({"", "a"}), "b"), Append({"", "b"})}),
              StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  EXPECT_THAT(refused("3", {To(Append({"", "a"}), "pg_catalog.t")}),
              StatusIs(StatusCode::kPermissionDenied, "RESERVED_SCHEMA"));
  EXPECT_THAT(refused("4", {To(Append({"", "a"}), ledger_->schema() + ".t")}),
              StatusIs(StatusCode::kPermissionDenied, "RESERVED_SCHEMA"));
  EXPECT_THAT(refused("5", {To(Append({"", "a"}), "a.b.c")}),
              StatusIs(StatusCode::kInvalidArgument, "INVALID_NAME"));
  sync::StartRequest owned = Request("6", {Append({"", "mine"})});
  owned.connection_id = "me";
  ASSERT_OK(TryStart(owned).status());
  EXPECT_THAT(refused("7", {To(Append({"", "a"}), "mine")}),
              StatusIs(StatusCode::kFailedPrecondition, "TABLE_OWNED"));
}

TEST_F(StreamNamesTest, StreamWithoutPropertiesHasMetaColumns) {
  StreamConfig bare = Append({"", "bare"}, {});
  StreamConfig replaced = bare;
  replaced.generation_id = replaced.minimum_generation_id = 3;
  for (const auto& [id, stream] : {std::pair{"append", bare}, {"replace", replaced}}) {
    ASSERT_EQ(TableOf(id, stream), Plain("bare"));
    Complete(id, {"", "bare"});
    EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM pg_attribute WHERE attnum > 0 AND NOT "
                                    "attisdropped AND attrelid = '",
                                    InTarget("bare"), "'::regclass")),
              4);
  }
  StreamConfig dedup = bare;
  dedup.write_mode = WriteMode::kDedup;
  EXPECT_THAT(TryStart(Request("dedup", {dedup})).status(),
              StatusIs(StatusCode::kInvalidArgument, "MISSING_PK"));
}

// An older version loaded both into one table. The newest completed sync decides which stream keeps
// it.
TEST_F(StreamNamesTest, SplitStreamIsWarnedAboutItsNewTable) {
  const StreamConfig loser = Append({"", "a.b"});
  StartOne("1", loser);
  Complete("1", loser.descriptor);
  const std::string second = TableOf("2", Append({"", "a_b"}));
  Complete("2", {"", "a_b"});
  Execute(absl::StrCat("DROP TABLE ", second, "; UPDATE ", ledger_->schema(),
                       ".stream SET table_name = 'a_b'; CREATE VIEW ", InTarget("v"),
                       " AS SELECT 1 AS x"));
  Downgrade();
  ASSERT_OK(postgres::MigrateLedger(database(), ledger_->schema()));

  // A start that is refused does not count as having warned.
  EXPECT_THAT(TryStart(Request("3", {loser, Append({"", "v"})})).status(),
              StatusIs(StatusCode::kFailedPrecondition, "TARGET_INCOMPATIBLE"));
  const StreamEntry split = StartOne("4", loser);
  EXPECT_THAT(split.plan.table.ToString(), StartsWith(Plain("a_b_")));
  ASSERT_EQ(split.warnings.size(), 1u);
  EXPECT_EQ(split.warnings[0].code, "TABLE_SPLIT");
  EXPECT_THAT(split.warnings[0].text,
              AllOf(HasSubstr(Plain("a_b") + " together"), HasSubstr(split.plan.table.ToString())));
  const StreamEntry next = StartOne("5", loser);
  EXPECT_EQ(next.plan.table, split.plan.table);
  EXPECT_THAT(next.warnings, IsEmpty());
  const StreamEntry keeper = StartOne("6", Append({"", "a_b"}));
  EXPECT_EQ(keeper.plan.table.ToString(), Plain("a_b"));
  EXPECT_THAT(keeper.warnings, IsEmpty());
}

}  // namespace
}  // namespace syncline::testing
