// Syncs that race for tables: replaces of tables under one view, and syncs that take a table over
// from each other. Whatever meets, the answers are those of the contract.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/base/thread.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

std::string People(int64_t from, int64_t to) {
  std::string lines;
  for (int64_t id = from; id <= to; ++id) absl::StrAppend(&lines, Record(id, "a"));
  return lines;
}

// Runs `body(thread)` on so many threads at once.
void RunThreads(int threads, const std::function<void(int)>& body) {
  std::vector<std::unique_ptr<Thread>> running;
  for (int thread = 0; thread < threads; ++thread) {
    running.push_back(std::make_unique<Thread>("race", [&body, thread] { body(thread); }));
  }
}

class TakeOverTest : public AppTest {
 protected:
  // Starts, sends and completes one replace of `table`.
  absl::Status ReplaceTable(const std::string& sync_id, int64_t generation,
                            absl::string_view table) {
    absl::Status status = Start(sync_id, Replace(generation), table).status();
    if (status.ok()) status = Send(sync_id, People(1, 20), 0, table).status();
    if (status.ok()) status = Complete(sync_id, v1::STREAM_STATUS_COMPLETE, table).status();
    return status;
  }
};

TEST_F(TakeOverTest, ReplacesOfTablesUnderOneViewDoNotMeetEachOther) {
  const std::vector<std::string> tables = {"left_side", "right_side"};
  for (const std::string& table : tables) {
    ASSERT_OK(ReplaceTable(absl::StrCat("first-", table), 1, table));
  }
  for (int i = 0; i < 5; ++i) {
    Execute(absl::StrCat("CREATE VIEW ", Table(absl::StrCat("both", i)), " AS SELECT l.id, r.name ",
                         "FROM ", Table(tables[0]), " l JOIN ", Table(tables[1]), " r USING (id)"));
  }
  constexpr int kReplaces = 12;
  std::vector<absl::Status> failures(tables.size());
  RunThreads(static_cast<int>(tables.size()), [&](int thread) {
    const std::string& table = tables[static_cast<size_t>(thread)];
    for (int64_t run = 2; run <= kReplaces; ++run) {
      failures[static_cast<size_t>(thread)].Update(
          ReplaceTable(absl::StrCat(table, run), run, table));
    }
  });
  for (const absl::Status& failure : failures) EXPECT_OK(failure);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("both0"))), 20);
}

TEST_F(TakeOverTest, SyncsThatTakeATableOverAnswerWhatTheContractSays) {
  const std::set<std::string> expected = {"STALE_GENERATION", "SYNC_CANCELLED", "SUPERSEDED",
                                          "FENCED", "SWAP_LOCKED"};
  ASSERT_OK(ReplaceTable("first", 1, kTable));
  Execute(absl::StrCat("CREATE VIEW ", Table("seen"), " AS SELECT id FROM ", Table(kTable)));
  std::atomic<int64_t> generation = 1;
  std::atomic<int> completed = 0;
  constexpr int kThreads = 3;
  std::vector<std::string> surprises(kThreads);
  RunThreads(kThreads, [&](int thread) {
    for (int run = 0; run < 15; ++run) {
      const int64_t mine = ++generation;
      const absl::Status status = ReplaceTable(absl::StrCat("t", thread, "-", run), mine, kTable);
      completed += status.ok() ? 1 : 0;
      if (status.ok() || expected.count(ReasonOf(status)) > 0) continue;
      absl::StrAppend(&surprises[static_cast<size_t>(thread)], status.ToString(), " ");
    }
  });
  for (const std::string& surprise : surprises) EXPECT_EQ(surprise, "");
  EXPECT_GT(completed, 0);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("seen"))), 20);
}

TEST_F(TakeOverTest, ACompletionThatWasCancelledSaysSo) {
  ASSERT_OK(Start("s1", Replace(1)));
  ASSERT_OK(Send("s1", People(1, 2)));
  ASSERT_OK(client().CancelSync("s1"));
  EXPECT_EQ(ReasonOf(Complete("s1").status()), "SYNC_CANCELLED");
}

}  // namespace
}  // namespace syncline::testing
