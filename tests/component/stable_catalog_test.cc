// Repeated syncs leave the catalog unchanged: our indexes, constraints and relations do not
// multiply, and those of the user stay.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/component/app_fixture.h"
#include "tests/support/sanitized.h"

namespace syncline::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Sanitizers look for other faults than the number of runs brings to light. CI runs it without
// them, too.
constexpr int kRuns = kSanitized ? 12 : 50;

// How the nth sync of a table is requested.
struct Mode {
  std::string name;
  std::function<Ask(int64_t)> ask;
  int keep_generations = 0;
};

Ask Overwrite(v1::WriteMode mode) {
  Ask ask;
  ask.mode = mode;
  ask.overwrite = true;
  return ask;
}

Ask WithoutIds(v1::WriteMode mode) {
  Ask ask;
  ask.mode = mode;
  return ask;
}

std::vector<Mode> Modes() {
  return {
      {"Append", [](int64_t) { return Append(0); }},
      {"AppendWithoutIds", [](int64_t) { return WithoutIds(v1::WRITE_MODE_APPEND); }},
      {"Dedup", [](int64_t) { return Dedup(0); }},
      {"AppendReplace", [](int64_t run) { return Replace(run); }},
      {"DedupReplace", [](int64_t run) { return DedupReplace(run); }},
      {"AppendOverwrite", [](int64_t) { return Overwrite(v1::WRITE_MODE_APPEND); }},
      {"DedupOverwrite", [](int64_t) { return Overwrite(v1::WRITE_MODE_DEDUP); }},
      {"AppendAndDedup", [](int64_t run) { return run % 2 == 0 ? Append(0) : Dedup(0); }},
      {"AppendAndDedupReplace",
       [](int64_t run) { return run % 2 == 0 ? Replace(run) : DedupReplace(run); }},
      {"DedupAndReplace",
       [](int64_t run) { return run % 2 == 0 ? Dedup(run) : DedupReplace(run); }},
      {"KeepGenerations", [](int64_t run) { return DedupReplace(run); }, 2},
      {"KeepGenerationsOverwrite", [](int64_t) { return Overwrite(v1::WRITE_MODE_DEDUP); }, 2},
  };
}

class StableCatalogTest : public AppTest, public ::testing::WithParamInterface<Mode> {
 protected:
  void SetUp() override {
    AppTest::SetUp();
    if (schema().empty() || GetParam().keep_generations == 0) return;
    RestartServer({absl::StrCat("--keep_generations=", GetParam().keep_generations)});
  }

  void Sync(int run) {
    Load(absl::StrCat("run ", run), GetParam().ask(run), Record(1, "a") + Record(2, "b", run));
  }

  // Relations, indexes and constraints of the schema. Numbers of kept tables, and names derived
  // from them, count as equal.
  std::string Catalog() {
    return QueryValue(absl::StrCat(
        "SELECT string_agg(line, E'\\n' ORDER BY line) FROM (SELECT regexp_replace(regexp_replace("
        "line, '_syncline_old_[0-9]+', '_syncline_old_N', 'g'), '_syncline_kept_[0-9a-f]+', "
        "'_syncline_kept_H', 'g') FROM (SELECT format('%s %s', relkind, "
        "CASE WHEN relkind = 'i' THEN pg_get_indexdef(oid) ELSE relname::text END) FROM pg_class "
        "WHERE relnamespace = '",
        schema(),
        "'::regnamespace UNION ALL SELECT format('%s %s: %s', conrelid::regclass, "
        "conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = '",
        schema(), "'::regnamespace) c (line)) normal (line)"));
  }

  // Our tables in the ledger's schema that are not the ledger's.
  int64_t StagingTables() {
    return QueryInt(
        absl::StrCat("SELECT count(*) FROM pg_class WHERE relname LIKE "
                     "'\\_syncline%' AND relnamespace = '",
                     ledger(), "'::regnamespace"));
  }

  int64_t Indexes() {
    return QueryInt(absl::StrCat("SELECT count(*) FROM pg_index WHERE indrelid = '", Table(kTable),
                                 "'::regclass"));
  }
  // The ledger's list matches the table's indexes.
  void ExpectLedgerMatches() {
    EXPECT_EQ(QueryValue(absl::StrCat("SELECT count(*) FROM ", ledger(),
                                      ".table_index l WHERE NOT EXISTS (SELECT FROM pg_indexes i "
                                      "WHERE (i.schemaname, i.tablename, i.indexname) = "
                                      "(l.table_schema, l.table_name, l.index_name))")),
              "0");
  }
};

TEST_P(StableCatalogTest, CatalogIsStableAfterThirdSync) {
  for (int run = 1; run <= 3; ++run) Sync(run);
  Execute(absl::StrCat("CREATE INDEX mine ON ", Table(kTable), " (name); ALTER TABLE ",
                       Table(kTable), " ADD CONSTRAINT plausible CHECK (id > 0)"));
  for (int run = 4; run <= 6; ++run) Sync(run);
  const std::string before = Catalog();
  EXPECT_THAT(before, HasSubstr("mine"));
  EXPECT_THAT(before, Not(HasSubstr("_syncline_tmp_")));
  for (int run = 7; run <= kRuns; ++run) Sync(run);
  EXPECT_EQ(Catalog(), before);
  EXPECT_EQ(StagingTables(), 0);
  ExpectLedgerMatches();
}

TEST_P(StableCatalogTest, DuplicatesOfOlderVersionsAreDropped) {
  for (int run = 1; run <= 2; ++run) Sync(run);
  // Older versions named them after the table that they were created on; migration 3 lists them.
  for (int i = 1; i <= 20; ++i) {
    const std::string name = absl::StrCat("syncline_key_8254c329_", i, "__syncline_tmp_x");
    Execute(absl::StrCat("CREATE INDEX ", name, " ON ", Table(kTable), " (id); INSERT INTO ",
                         ledger(), ".table_index VALUES ('", schema(), "', '", kTable, "', '", name,
                         "', '{id}')"));
  }
  Execute(absl::StrCat("CREATE INDEX syncline_key_of_the_user ON ", Table(kTable), " (name)"));
  for (int run = 3; run <= 4; ++run) Sync(run);
  EXPECT_LE(Indexes(), 2);
  EXPECT_THAT(Catalog(), HasSubstr("syncline_key_of_the_user"));
  for (int run = 5; run <= 6; ++run) Sync(run);
  const std::string before = Catalog();
  for (int run = 7; run <= 10; ++run) Sync(run);
  EXPECT_EQ(Catalog(), before);
  ExpectLedgerMatches();
}

TEST_P(StableCatalogTest, IndexesThatTheUserChangedAreKept) {
  for (int run = 1; run <= 3; ++run) Sync(run);
  const std::string ours =
      absl::StrCat("SELECT coalesce(max(indexname), '') FROM pg_indexes WHERE schemaname = '",
                   schema(), "' AND tablename = '", kTable, "'");
  const std::string name = QueryValue(ours);
  if (name.empty()) GTEST_SKIP() << "this mode has no key";
  Execute(absl::StrCat("ALTER INDEX ", schema(), ".\"", name, "\" RENAME TO renamed"));
  for (int run = 4; run <= 6; ++run) Sync(run);
  EXPECT_EQ(QueryValue(ours), "renamed");
  EXPECT_EQ(Indexes(), 1);
  Execute(absl::StrCat("DROP INDEX ", schema(), ".renamed; CREATE INDEX \"", name, "\" ON ",
                       Table(kTable), " (name)"));
  for (int run = 7; run <= 10; ++run) Sync(run);
  EXPECT_THAT(Catalog(), HasSubstr("(name)"));
  EXPECT_LE(Indexes(), 2);
  ExpectLedgerMatches();
}

TEST_P(StableCatalogTest, UserPrimaryKeyIsUsed) {
  if (GetParam().ask(1).mode != v1::WRITE_MODE_DEDUP ||
      GetParam().ask(2).mode != v1::WRITE_MODE_DEDUP) {
    GTEST_SKIP() << "this mode may repeat keys";
  }
  for (int run = 1; run <= 3; ++run) Sync(run);
  Execute(absl::StrCat("CREATE UNIQUE INDEX their_key ON ", Table(kTable), " (id)"));
  for (int run = 4; run <= 8; ++run) Sync(run);
  EXPECT_EQ(Indexes(), 1) << Catalog();
  ExpectLedgerMatches();
}

INSTANTIATE_TEST_SUITE_P(Modes, StableCatalogTest, ::testing::ValuesIn(Modes()),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace syncline::testing
