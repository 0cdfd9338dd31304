// The database fails between any two statements of starting a stream (crash_fixture.h).
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/postgres/sql/sql_generator.h"
#include "tests/component/crash_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

using postgres::QuoteTable;

using StartCrashTest = CrashTest;

TEST_F(StartCrashTest, AppendCreatesTable) { CrashInStart({}, {kAppend, 1, 0, {}}); }

TEST_F(StartCrashTest, AppendTakesOverCancelledReplace) {
  CrashInStart({{kAppend, 1, 0, {1}}, {kAppend, 2, 2, {2, 3}, End::kCancelled}},
               {kAppend, 3, 0, {}});
}

TEST_F(StartCrashTest, AppendTakesOverOpenReplace) {
  CrashInStart({{kAppend, 1, 0, {1}}, {kAppend, 2, 2, {2, 3}, End::kOpen}}, {kAppend, 3, 0, {}});
}

TEST_F(StartCrashTest, AppendDropsDefaultThatACancelledAppendLeft) {
  CrashInStart({{kAppend, 1, 0, {1}, End::kCancelled}}, {kAppend, 1, 0, {}});
}

TEST_F(StartCrashTest, ReplaceDropsDefaultThatACancelledAppendLeft) {
  CrashInStart({{kAppend, 1, 0, {1}, End::kCancelled}}, {kAppend, 2, 2, {}});
}

TEST_F(StartCrashTest, DedupCreatesStagingTable) { CrashInStart({}, {kDedup, 1, 0, {}}); }

TEST_F(StartCrashTest, DedupKeepsStagingTable) {
  CrashInStart({{kDedup, 1, 0, {1, 2}, End::kCancelled}}, {kDedup, 1, 0, {}});
}

TEST_F(StartCrashTest, AppendTruncateCreatesStagingTable) {
  CrashInStart({{kAppend, 1, 0, {1}}}, {kAppend, 2, 2, {}});
}

TEST_F(StartCrashTest, AppendTruncateResumes) {
  CrashInStart({{kAppend, 2, 2, {1}, End::kIncomplete}}, {kAppend, 2, 2, {}});
}

TEST_F(StartCrashTest, AppendTruncateRecreatesOlderStagingTable) {
  CrashInStart({{kAppend, 1, 1, {1}, End::kOpen}}, {kAppend, 2, 2, {}});
}

TEST_F(StartCrashTest, AppendTruncateAdoptsStagingTableOfOlderVersion) {
  CrashEverywhere(
      [&] {
        Past({{kAppend, 2, 2, {1}, End::kCancelled}});
        const TableName staging = GetStagingTableName({schema(), "users"}, ledger_->schema());
        Execute(absl::StrCat("ALTER TABLE ", QuoteTable(staging), " SET SCHEMA ", schema()));
      },
      [&](auto* database) {
        return Start(database, Draft("last", {kAppend, 2, 2, {}})).status();
      });
}

// The ledger alone knows the generation of what is staged.
TEST_F(StartCrashTest, TableWithoutMetaResumesOrRecreatesStagingTable) {
  const Step staged = {kAppend,         2, 2, {1}, End::kIncomplete, ReplaceStrategy::kAuto,
                       TableMeta::kNone};
  Step next = staged;
  next.ids.clear();
  CrashInStart({staged}, next);
  next.generation = next.minimum = 3;
  CrashInStart({staged}, next);
  next.minimum = 0;
  CrashInStart({staged}, next);
}

TEST_F(StartCrashTest, DedupTruncateResumes) {
  CrashInStart({{kDedup, 1, 0, {1}}, {kDedup, 2, 2, {2}, End::kIncomplete}}, {kDedup, 2, 2, {}});
}

TEST_F(StartCrashTest, DedupTruncateRecreatesOlderStagingTable) {
  CrashInStart({{kDedup, 1, 1, {1}, End::kCancelled}}, {kDedup, 2, 2, {}});
}

// A start that was interrupted after it had claimed its tables, and continues although a newer sync
// has taken one of them over.
class InterruptedStartTest : public CrashTest {
 protected:
  // Claims the tables of `draft` and does nothing else.
  void ClaimOnly(const write::SyncDraft& draft) {
    for (int64_t event = 1; !HasFailure(); ++event) {
      faulty_->CrashAt(event);
      EXPECT_FALSE(Start(faulty_.get(), draft).ok());
      faulty_->Recover();
      if (QueryInt(absl::StrCat("SELECT count(*) FROM ", ledger_->schema(),
                                ".sync WHERE sync_id = '", draft.sync.sync_id, "'")) == 1) {
        break;
      }
    }
  }

  void GoesOnWithoutTouching(const Step& old_step, const Step& new_step) {
    Reset();
    const write::SyncDraft old_sync = Draft("old", old_step, /*wide=*/false, {"users", "orders"});
    ClaimOnly(old_sync);
    ASSERT_OK_AND_ASSIGN(const write::StartedSync taken,
                         Start(healthy_.get(), Draft("new", new_step, /*wide=*/true)));
    const StreamPlan& plan = taken.sync.streams[0].plan;
    Execute(absl::StrCat("INSERT INTO ", QuoteTable(plan.load_table()),
                         " VALUES ('raw', now(), '{}', ", plan.generation_id,
                         ", 1, 'new', 'Bonn')"));
    ASSERT_OK(Start(healthy_.get(), old_sync));
    EXPECT_EQ(QueryValue(absl::StrCat("SELECT city FROM ", QuoteTable(plan.load_table()))), "Bonn");
    EXPECT_EQ(QueryValue(absl::StrCat("SELECT count(*) FROM pg_class WHERE relname LIKE '%users%' "
                                      "AND relkind = 'r' AND ",
                                      IsOurs())),
              "1");
    EXPECT_EQ(QueryValue(absl::StrCat("SELECT string_agg(state, ' ' ORDER BY stream_no) FROM ",
                                      ledger_->schema(), ".stream")),
              "cancelled open open");
  }
};

TEST_F(InterruptedStartTest, KeepsStagingTableOfNewerReplace) {
  GoesOnWithoutTouching({kAppend, 1, 0, {}}, {kAppend, 2, 2, {}});
  GoesOnWithoutTouching({kAppend, 1, 1, {}}, {kAppend, 2, 2, {}});
  GoesOnWithoutTouching({kDedup, 1, 0, {}}, {kDedup, 2, 2, {}});
  GoesOnWithoutTouching({kDedup, 1, 1, {}}, {kDedup, 2, 0, {}});
}

TEST_F(InterruptedStartTest, CreatesNoStagingTableAfterNewerAppend) {
  GoesOnWithoutTouching({kAppend, 1, 1, {}}, {kAppend, 2, 0, {}});
  GoesOnWithoutTouching({kDedup, 1, 0, {}}, {kAppend, 2, 0, {}});
}

}  // namespace
}  // namespace syncline::testing
