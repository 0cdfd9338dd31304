// The database fails between any two statements of completing a stream (crash_fixture.h).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/postgres/sql/sql_generator.h"
#include "tests/component/crash_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

using postgres::QuoteTable;
using CompleteCrashTest = CrashTest;

TEST_F(CompleteCrashTest, Append) {
  CrashInComplete({{kAppend, 1, 0, {1}}}, {kAppend, 1, 0, {2}});
  CrashInComplete({}, {kAppend, 1, 0, {2}, End::kIncomplete});
}

TEST_F(CompleteCrashTest, DedupIntoNewTable) { CrashInComplete({}, {kDedup, 1, 0, {1, 2, 1}}); }

TEST_F(CompleteCrashTest, DedupIntoExistingTable) {
  CrashInComplete({{kDedup, 1, 0, {1, 2}}}, {kDedup, 1, 0, {2, 3, 3}});
  CrashInComplete({{kDedup, 1, 0, {1, 2}}}, {kDedup, 1, 0, {2, 3}, End::kIncomplete});
}

TEST_F(CompleteCrashTest, AppendTruncateIntoNewTable) {
  CrashInComplete({}, {kAppend, 2, 2, {1, 2}});
}

TEST_F(CompleteCrashTest, AppendTruncateSwaps) {
  CrashInComplete({{kAppend, 1, 0, {1, 2}}}, {kAppend, 2, 2, {3}});
}

// Every statement of an in-place replace, of what precedes it and of what follows it.
TEST_F(CompleteCrashTest, ReplacesInPlace) {
  CrashInComplete({{kAppend, 1, 0, {1, 2}}},
                  {kAppend, 2, 2, {3}, End::kComplete, ReplaceStrategy::kInPlace});
  CrashInComplete({{kDedup, 1, 0, {1, 2}}},
                  {kDedup, 2, 2, {3, 3, 4}, End::kComplete, ReplaceStrategy::kInPlace});
}

TEST_F(CompleteCrashTest, ReplacesDifferenceInPlace) {
  const Step step = {
      kDedup, 2, 2, {2, 3, 4, 5, 6, 7, 8}, End::kComplete, ReplaceStrategy::kInPlace};
  write::StartedSync started;
  CrashEverywhere(
      [&] {
        Past({{kDedup, 1, 0, {1, 2, 3, 4, 5, 6, 7}}});
        ASSERT_OK_AND_ASSIGN(started, Start(healthy_.get(), Draft("last", step)));
        const StreamPlan& plan = started.sync.streams[0].plan;
        AddRows(plan, step.ids);
        // All rows are the same, except those of the keys 1 and 8.
        Execute(absl::StrCat("UPDATE ", Table("users"), " SET name = 'same'; UPDATE ",
                             QuoteTable(plan.load_table()), " SET name = 'same'"));
      },
      [&](postgres::Database* database) {
        return Complete(database, started.sync, /*complete=*/true);
      });
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT count(*) FROM ", Table("users"),
                                    " WHERE _airbyte_generation_id = 1")),
            "6");
}

TEST_F(CompleteCrashTest, TableWithoutMeta) {
  const auto step = [](int64_t generation, int64_t minimum, std::vector<int> ids,
                       ReplaceStrategy strategy = ReplaceStrategy::kAuto) {
    return Step{kAppend,        generation, minimum,         std::move(ids),
                End::kComplete, strategy,   TableMeta::kNone};
  };
  CrashInComplete({step(1, 0, {1})}, step(1, 0, {2}));
  CrashInComplete({step(1, 0, {1, 2})}, step(2, 2, {3}));
  CrashInComplete({step(1, 0, {1, 2})}, step(2, 2, {3}, ReplaceStrategy::kInPlace));
  CrashInComplete({step(2, 2, {1, 2})}, step(2, 2, {3}));
}

TEST_F(CompleteCrashTest, AppendTruncateWithoutRows) {
  CrashInComplete({{kAppend, 1, 0, {1, 2}}}, {kAppend, 2, 2, {}});
}

TEST_F(CompleteCrashTest, AppendTruncateCopiesIntoSameGeneration) {
  CrashInComplete({{kAppend, 2, 2, {1, 2}}}, {kAppend, 2, 2, {3}});
}

TEST_F(CompleteCrashTest, AppendTruncateIncomplete) {
  CrashInComplete({{kAppend, 1, 0, {1, 2}}}, {kAppend, 2, 2, {3}, End::kIncomplete});
}

TEST_F(CompleteCrashTest, DedupTruncateSwaps) {
  CrashInComplete({{kDedup, 1, 0, {1, 2}}}, {kDedup, 2, 2, {3, 3, 4}});
}

TEST_F(CompleteCrashTest, DedupTruncateMergesIntoSameGeneration) {
  CrashInComplete({{kDedup, 2, 2, {1, 2}}}, {kDedup, 2, 2, {2, 3}});
}

TEST_F(CompleteCrashTest, DedupTruncateIncomplete) {
  CrashInComplete({{kDedup, 1, 0, {1, 2}}}, {kDedup, 2, 2, {3}, End::kIncomplete});
}

}  // namespace
}  // namespace syncline::testing
