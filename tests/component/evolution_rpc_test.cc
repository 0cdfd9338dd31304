// How StartSync and the log report changes of a table's definition, through the real RPCs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/log.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Id, name and at; in the other tests at is a bigint.
constexpr char kNumberAt[] =
    R"({"properties":{"id":{"type":"integer"},"name":{"type":"string"},"at":{"type":"number"}}})";

class EvolutionRpcTest : public AppTest {
 protected:
  // Returns "CREATE_TABLE", "ADD_COLUMN city", …
  std::vector<std::string> Changes(absl::string_view sync_id, const Ask& ask) {
    const absl::StatusOr<v1::StartSyncResponse> started = Start(sync_id, ask);
    EXPECT_OK(started);
    std::vector<std::string> changes;
    if (!started.ok()) return changes;
    for (const v1::SchemaChange& change : started->streams(0).changes()) {
      std::string text = v1::SchemaChange::Kind_Name(change.kind()).substr(5);
      if (!change.column().empty()) absl::StrAppend(&text, " ", change.column());
      if (change.rewrites()) absl::StrAppend(&text, " rewrites");
      changes.push_back(text);
    }
    return changes;
  }

  // Returns the log lines with one of `events`, in order.
  static std::vector<std::string> Logged(const std::vector<std::string>& events,
                                         const std::function<void()>& body) {
    ConfigureLog(LogLevel::kInfo, LogFormat::kText);
    ::testing::internal::CaptureStderr();
    body();
    const std::string log = ::testing::internal::GetCapturedStderr();
    std::vector<std::string> lines;
    for (const absl::string_view line : absl::StrSplit(log, '\n')) {
      for (const std::string& event : events) {
        if (absl::StrContains(line, event)) lines.emplace_back(line);
      }
    }
    return lines;
  }
};

TEST_F(EvolutionRpcTest, CreatedTableIsReportedOnce) {
  int64_t generation = 1;
  for (const Ask& ask : {Append(0), Dedup(0), Replace(1), DedupReplace(1)}) {
    const std::string id = absl::StrCat("s", generation++);
    const std::vector<std::string> lines = Logged({"create_table"}, [&] {
      EXPECT_THAT(Changes(id, ask), ElementsAre("CREATE_TABLE"));
      EXPECT_THAT(Changes(id, ask), ElementsAre("CREATE_TABLE")) << "the same request again";
      ASSERT_OK(Send(id, Record(1, "a")));
      ASSERT_OK(Complete(id));
    });
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_THAT(lines[0], AllOf(HasSubstr("schema_changed"), HasSubstr(kTable)));
    EXPECT_THAT(Changes(absl::StrCat(id, "again"), ask), IsEmpty());
    ASSERT_OK(Complete(absl::StrCat(id, "again")));
    Execute(absl::StrCat("DROP TABLE ", Table(kTable)));
  }
}

TEST_F(EvolutionRpcTest, RewriteIsLoggedBeforeAndAfter) {
  for (const bool dedup : {false, true}) {
    Ask ask = dedup ? Dedup(0) : Append(0);
    const std::string id = dedup ? "d" : "a";
    Load(id + "1", ask, Record(1, "a", 1));
    ask.json_schema = kNumberAt;
    const std::vector<std::string> lines =
        Logged({"table_rewrite_started", "schema_changed", "table_rewritten"}, [&] {
          EXPECT_THAT(Changes(id + "2", ask), ElementsAre("CHANGE_TYPE at rewrites"));
          ASSERT_OK(Complete(id + "2"));
        });
    ASSERT_EQ(lines.size(), 3U);
    const auto about = AllOf(HasSubstr(kTable), HasSubstr("8192"),
                             HasSubstr("changes the column at from bigint to numeric"));
    EXPECT_THAT(lines[0], AllOf(HasSubstr("table_rewrite_started"), about));
    EXPECT_THAT(lines[1], HasSubstr("change_type"));
    EXPECT_THAT(lines[2], AllOf(HasSubstr("table_rewritten"), about, HasSubstr("took_ms")));
    Execute(absl::StrCat("DROP TABLE ", Table(kTable)));
  }
}

// A rewrite copies them, too.
TEST_F(EvolutionRpcTest, ToastCountsTowardRewriteLimit) {
  RestartServer({"--max_rewrite_bytes=100KiB"});
  Load("s1", Append(0), Record(1, "a", 1));
  Execute(absl::StrCat("ALTER TABLE ", Table(kTable), " ALTER name SET STORAGE EXTERNAL"));
  Execute(absl::StrCat("UPDATE ", Table(kTable), " SET name = repeat('x', 200000)"));
  Ask ask = Append(0);
  ask.json_schema = kNumberAt;
  EXPECT_THAT(Start("s2", ask),
              StatusIs(absl::StatusCode::kFailedPrecondition, "REWRITE_TOO_LARGE"));
}

constexpr char kNumberPrice[] =
    R"({"properties":{"id":{"type":"integer"},"price":{"type":"number"}}})";
constexpr char kTextPrice[] =
    R"({"properties":{"id":{"type":"integer"},"price":{"type":"string"}}})";

// A table whose column changes from a number to a text with the second sync.
class RetypedColumnTest : public EvolutionRpcTest {
 protected:
  static std::vector<std::pair<Ask, Ask>> AllModes() {
    std::vector<std::pair<Ask, Ask>> modes = {{Append(0), Append(0)},
                                              {Dedup(0), Dedup(0)},
                                              {Replace(1), Replace(2)},
                                              {DedupReplace(1), DedupReplace(2)}};
    for (auto& [first, second] : modes) {
      first.json_schema = kNumberPrice;
      second.json_schema = kTextPrice;
    }
    return modes;
  }
};

TEST_F(RetypedColumnTest, WhatDependsOnItIsKeptInEveryMode) {
  Execute(absl::StrCat("CREATE FUNCTION ", Table("f"),
                       "() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"));
  int64_t run = 0;
  for (const auto& [first, second] : AllModes()) {
    Load(absl::StrCat("s", ++run), first, "{\"id\":1,\"price\":1.5}\n");
    Execute(absl::StrCat("CREATE POLICY p ON ", Table(kTable), " USING (price IS NOT NULL)",
                         "; CREATE TRIGGER tr AFTER UPDATE OF price ON ", Table(kTable),
                         " FOR EACH ROW EXECUTE FUNCTION ", Table("f"), "(); CREATE VIEW ",
                         Table("v"), " AS SELECT id, price FROM ", Table(kTable),
                         "; CREATE INDEX ix ON ", Table(kTable), " (price); COMMENT ON INDEX ",
                         Table("ix"), " IS 'mine'"));
    Load(absl::StrCat("s", ++run), second, "{\"id\":2,\"price\":\"x\"}\n");
    const bool replaced = second.minimum > 0;
    EXPECT_EQ(
        QueryValue(absl::StrCat("SELECT string_agg(price, ',' ORDER BY id) FROM ", Table("v"))),
        replaced ? "x" : "1.5,x");
    const std::string objects = absl::StrCat(
        "SELECT (SELECT count(*) FROM pg_policy WHERE polrelid = t.oid) || ' ' || (SELECT count(*) "
        "FROM pg_trigger WHERE tgrelid = t.oid AND NOT tgisinternal) || ' ' || obj_description('",
        Table("ix"), "'::regclass) FROM pg_class t WHERE t.oid = '", Table(kTable), "'::regclass");
    EXPECT_EQ(QueryValue(objects), "1 1 mine") << run;
    Execute(absl::StrCat("DROP TABLE ", Table(kTable), " CASCADE"));
  }
}

TEST_F(RetypedColumnTest, WhatForbidsItIsNamedByStartSyncInEveryMode) {
  int64_t run = 0;
  for (const auto& [first, second] : AllModes()) {
    Load(absl::StrCat("s", ++run), first, "{\"id\":1,\"price\":1.5}\n");
    Execute(absl::StrCat("ALTER TABLE ", Table(kTable), " ADD CONSTRAINT ck CHECK (price > 0)"));
    const std::string id = absl::StrCat("s", ++run);
    EXPECT_THAT(Start(id, second),
                StatusIs(absl::StatusCode::kFailedPrecondition, "DEPENDENT_OBJECTS"));
    Execute(absl::StrCat("ALTER TABLE ", Table(kTable), " DROP CONSTRAINT ck"));
    Load(id, second, "{\"id\":2,\"price\":\"x\"}\n");
    Execute(absl::StrCat("DROP TABLE ", Table(kTable)));
  }
}

TEST_F(EvolutionRpcTest, ChangeWithoutRewriteIsNotLoggedAsOne) {
  Load("s1", Append(0), Record(1, "a", 1));
  Ask wider = Append(0);
  wider.deletes = true;
  EXPECT_THAT(Logged({"table_rewrit"}, [&] { Load("s2", wider, Record(2, "b", 1)); }), IsEmpty());
}

std::string Numbered(int count, absl::string_view before, absl::string_view after) {
  std::string list;
  for (int i = 1; i <= count; ++i) absl::StrAppend(&list, i > 1 ? "," : "", before, i, after);
  return list;
}

// Id, name, at and the columns w1 to w<columns>.
Ask Wider(Ask ask, int columns) {
  ask.json_schema = absl::StrCat(
      R"({"properties":{"id":{"type":"integer"},"name":{"type":"string"},"at":{"type":"integer"},)",
      Numbered(columns, "\"w", "\":{\"type\":\"integer\"}"), "}}");
  return ask;
}

class WideTableTest : public EvolutionRpcTest {
 protected:
  // Creates a table that has had 1,597 columns.
  void MakeTable(const Ask& ask) {
    Load("first", ask, Record(1, "a", 1) + Record(2, "b", 1));
    Execute(absl::StrCat("ALTER TABLE ", Table(kTable), " ", Numbered(1580, "ADD g", " int")));
    Execute(absl::StrCat("ALTER TABLE ", Table(kTable), " ", Numbered(1580, "DROP g", "")));
    Execute(absl::StrCat("ALTER TABLE ", Table(kTable),
                         " ADD note text DEFAULT 'none', ADD twice bigint GENERATED ALWAYS AS "
                         "(id * 2) STORED, ADD number int GENERATED ALWAYS AS IDENTITY,"
                         " ADD CONSTRAINT small CHECK (id < 1000)"));
    Execute(absl::StrCat("UPDATE ", Table(kTable), " SET note = 'mine' WHERE id = 1"));
    Execute(absl::StrCat("CREATE INDEX by_name ON ", Table(kTable), " (name)"));
    Execute(absl::StrCat("CREATE VIEW ", Table("v"), " AS SELECT id, note FROM ", Table(kTable)));
    Execute(absl::StrCat("CREATE TABLE ", Table("kept"), " ()"));
  }
  std::string All() {
    return QueryValue(
        absl::StrCat("SELECT string_agg(concat_ws(' ', id, name, v.note, twice, number, w1, w30), "
                     "'; ' ORDER BY id) FROM ",
                     Table(kTable), " t JOIN ", Table("v"), " v USING (id)"));
  }
  int64_t Count(absl::string_view query) { return QueryInt(std::string(query)); }
  int64_t NumberOf(int64_t id) {
    return QueryInt(absl::StrCat("SELECT number FROM ", Table(kTable), " WHERE id = ", id));
  }

  void CopyFor(const Ask& ask) {
    MakeTable(ask);
    // ALTER TABLE numbered the rows in their order on disk, which a merge does not determine.
    const int64_t first = NumberOf(1);
    const int64_t second = NumberOf(2);
    const std::string id = "second";
    const std::vector<std::string> lines =
        Logged({"table_rewrite_started", "table_rewritten"}, [&] {
          ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse started, Start(id, Wider(ask, 30)));
          ASSERT_EQ(started.streams(0).changes_size(), 30);
          EXPECT_TRUE(started.streams(0).changes(0).rewrites());
          EXPECT_EQ(started.streams(0).changes(0).table_bytes(), 8192);
          ASSERT_OK(Send(id, "{\"id\":3,\"name\":\"c\",\"at\":1,\"w1\":7,\"w30\":8}\n"));
          ASSERT_OK(Complete(id));
        });
    EXPECT_EQ(lines.size(), 2U);
    EXPECT_EQ(All(),
              absl::StrCat("1 a mine 2 ", first, "; 2 b none 4 ", second, "; 3 c none 6 3 7 8"));
    EXPECT_LT(Count(absl::StrCat("SELECT relnatts FROM pg_class WHERE oid = '", Table(kTable),
                                 "'::regclass")),
              100);
    EXPECT_EQ(Count(absl::StrCat("SELECT count(*) FROM pg_indexes WHERE schemaname = '", schema(),
                                 "' AND indexname = 'by_name'")),
              1);
    EXPECT_EQ(Count(absl::StrCat("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND "
                                 "relnamespace = '",
                                 schema(), "'::regnamespace")),
              2);
    EXPECT_EQ(Count(absl::StrCat("SELECT count(*) FROM pg_class WHERE relname LIKE "
                                 "'\\_syncline%' AND relnamespace = '",
                                 ledger(), "'::regnamespace")),
              0)
        << "the copy was not removed";
    Load("third", Wider(ask, 30), "{\"id\":4,\"name\":\"d\",\"at\":1}\n");
  }
};

TEST_F(WideTableTest, AppendReclaimsDroppedColumnsByCopying) { CopyFor(Append(0)); }

TEST_F(WideTableTest, DedupReclaimsDroppedColumnsByCopying) { CopyFor(Dedup(0)); }

TEST_F(WideTableTest, CopyAboveLimitIsRefused) {
  RestartServer({"--max_rewrite_bytes=1"});
  MakeTable(Append(0));
  EXPECT_THAT(Start("s", Wider(Append(0), 30)).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, "REWRITE_TOO_LARGE"));
}

TEST_F(WideTableTest, TooManyColumnsAreRefusedByName) {
  Load("first", Append(0), "");
  Execute(absl::StrCat("ALTER TABLE ", Table(kTable), " ", Numbered(1590, "ADD g", " int")));
  for (const Ask& ask : {Append(0), Dedup(0), Replace(1)}) {
    EXPECT_THAT(Start("s", Wider(ask, 30)).status(),
                StatusIs(absl::StatusCode::kFailedPrecondition, "TABLE_TOO_WIDE"));
  }
  EXPECT_OK(Start("s", Wider(Append(0), 3)).status());
}

}  // namespace
}  // namespace syncline::testing
