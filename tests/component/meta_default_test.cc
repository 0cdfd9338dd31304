// The default of _airbyte_meta: which tables have it and when, and that no published table keeps
// it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/postgres/connection/connection.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

constexpr char kOurs[] = R"('{"changes": [], "sync_id": 0}'::jsonb)";

class MetaDefaultTest : public AppTest {
 protected:
  // The default of the column in the table; empty if there is none.
  std::string DefaultOf(const std::string& table) {
    return QueryValue(absl::StrCat(
        "SELECT coalesce(max(pg_get_expr(d.adbin, d.adrelid)), '') FROM pg_attrdef d JOIN "
        "pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE a.attname = "
        "'_airbyte_meta' AND a.attrelid = '",
        table, "'::regclass"));
  }
  std::string Target() { return DefaultOf(Table(kTable)); }
  std::string Staging() { return DefaultOf(StagingTable()); }
  // The appends that the ledger lists with a default.
  int64_t Listed() {
    return QueryInt(absl::StrCat("SELECT count(*) FROM ", ledger(),
                                 ".stream WHERE meta_default AND loader = 'append'"));
  }
  // Enough records for a block that is copied.
  static std::string ManyRecords(int64_t from = 0) {
    std::string lines;
    for (int64_t id = from; id < from + 1000; ++id) absl::StrAppend(&lines, Record(id, "n", id));
    return lines;
  }
  // The rows that have the meta of a record without changes.
  int64_t PlainRows() {
    return QueryInt(absl::StrCat("SELECT count(*) FROM ", Table(kTable),
                                 " WHERE _airbyte_meta = '{\"sync_id\":0,\"changes\":[]}'"));
  }
};

TEST_F(MetaDefaultTest, AppendHasItUntilItEnds) {
  ASSERT_OK(Start("s", Append(0)));
  EXPECT_EQ(Target(), kOurs);
  EXPECT_EQ(Listed(), 1);
  ASSERT_OK(Send("s", ManyRecords()));
  ASSERT_OK(Complete("s"));
  EXPECT_EQ(Target(), "");
  EXPECT_EQ(Listed(), 0);
  EXPECT_EQ(PlainRows(), 1000);
}

TEST_F(MetaDefaultTest, IncompleteAppendDropsIt) {
  Load("s", Append(0), ManyRecords(), v1::STREAM_STATUS_INCOMPLETE);
  EXPECT_EQ(Target(), "");
  EXPECT_EQ(Listed(), 0);
}

TEST_F(MetaDefaultTest, ExistingTableIsNotAltered) {
  Load("first", Append(0), Record(1, "a"));
  ASSERT_OK(Start("s", Append(0)));
  EXPECT_EQ(Target(), "");
  ASSERT_OK(Send("s", ManyRecords(10)));
  ASSERT_OK(Complete("s"));
  EXPECT_EQ(PlainRows(), 1001);
  Execute(absl::StrCat("ALTER TABLE ", Table(kTable),
                       " ALTER COLUMN _airbyte_meta SET DEFAULT '{\"mine\": 1}'"));
  Load("third", Append(0), ManyRecords(2000));
  EXPECT_EQ(Target(), R"('{"mine": 1}'::jsonb)");
  EXPECT_EQ(PlainRows(), 2001);
}

// The default of the user takes the place of ours during the sync.
TEST_F(MetaDefaultTest, DefaultOfTheUserStays) {
  ASSERT_OK(Start("s", Append(0)));
  Execute(absl::StrCat("ALTER TABLE ", Table(kTable),
                       " ALTER COLUMN _airbyte_meta SET DEFAULT '{\"mine\": 1}'"));
  ASSERT_OK(Send("s", ManyRecords()));
  ASSERT_OK(Complete("s"));
  EXPECT_EQ(Target(), R"('{"mine": 1}'::jsonb)");
  EXPECT_EQ(PlainRows(), 1000);
  EXPECT_EQ(Listed(), 0);
}

TEST_F(MetaDefaultTest, NextSyncDropsWhatACancelledAppendLeft) {
  LoadAndCancel("s", Append(0), ManyRecords());
  EXPECT_EQ(Target(), kOurs);
  EXPECT_EQ(Listed(), 1);
  for (const Ask& ask : {Append(0), Dedup(0), Replace(1)}) {
    Execute(absl::StrCat("UPDATE ", ledger(),
                         ".stream SET meta_default = true WHERE stream_no = 1; ALTER TABLE ",
                         Table(kTable), " ALTER COLUMN _airbyte_meta SET DEFAULT ", kOurs));
    const std::string id = absl::StrCat("next", ask.mode, ask.minimum);
    ASSERT_OK(Start(id, ask));
    EXPECT_EQ(Target(), "") << id;
    EXPECT_EQ(Listed(), 0) << id;
    ASSERT_OK(client().CancelSync(id));
  }
}

TEST_F(MetaDefaultTest, UpkeepDropsWhatACancelledAppendLeft) {
  LoadAndCancel("s", Append(0), ManyRecords());
  EXPECT_EQ(Target(), kOurs);
  RestartServer();  // the first sweep is at once
  for (int i = 0; i < 100 && Listed() > 0; ++i) absl::SleepFor(absl::Milliseconds(100));
  EXPECT_EQ(Listed(), 0);
  EXPECT_EQ(Target(), "");
}

// What a stream that is still loading uses is left to it.
TEST_F(MetaDefaultTest, OpenAppendKeepsItsDefault) {
  ASSERT_OK(Start("s", Append(0)));
  ASSERT_OK(Start("t", Append(0)));
  EXPECT_EQ(Target(), kOurs);
  ASSERT_OK(Send("t", ManyRecords()));
  ASSERT_OK(Complete("t"));
  EXPECT_EQ(Target(), kOurs);
  ASSERT_OK(Send("s", ManyRecords(5000)));
  ASSERT_OK(Complete("s"));
  EXPECT_EQ(Target(), "");
  EXPECT_EQ(PlainRows(), 2000);
}

// A reader holds the table while the append ends.
TEST_F(MetaDefaultTest, LockedTableDoesNotStopTheEnd) {
  RestartServer({"--swap_deadline=200ms", "--swap_lock_timeout=50ms"});
  ASSERT_OK(Start("s", Append(0)));
  ASSERT_OK(Send("s", ManyRecords()));
  const std::unique_ptr<postgres::Connection> reader = Connect();
  ASSERT_OK(reader->Begin());
  ASSERT_OK(reader->Execute(absl::StrCat("LOCK TABLE ", Table(kTable), " IN ACCESS SHARE MODE")));
  ASSERT_OK(Complete("s"));
  EXPECT_EQ(Target(), kOurs);
  EXPECT_EQ(Listed(), 1);
  ASSERT_OK(reader->Commit());
  ASSERT_OK(Start("next", Append(0)));
  EXPECT_EQ(Target(), "");
  EXPECT_EQ(Listed(), 0);
}

struct Staged {
  std::string name;
  Ask before;
  Ask ask;
};

class StagedDefaultTest : public MetaDefaultTest, public ::testing::WithParamInterface<Staged> {};

TEST_P(StagedDefaultTest, OnlyTheStagingTableHasIt) {
  ASSERT_OK(Start("s", GetParam().ask));
  EXPECT_EQ(Staging(), kOurs);
  ASSERT_OK(Send("s", ManyRecords()));
  ASSERT_OK(Complete("s"));
  EXPECT_EQ(Target(), "");
  EXPECT_EQ(PlainRows(), 1000);
}

TEST_P(StagedDefaultTest, DefaultOfTheUserIsPublished) {
  Load("first", GetParam().before, Record(1, "a", 1));
  Execute(absl::StrCat("ALTER TABLE ", Table(kTable),
                       " ALTER COLUMN _airbyte_meta SET DEFAULT '{\"mine\": 1}'"));
  ASSERT_OK(Start("s", GetParam().ask));
  EXPECT_EQ(Staging(), kOurs);
  ASSERT_OK(Send("s", ManyRecords(10)));
  ASSERT_OK(Complete("s"));
  EXPECT_EQ(Target(), R"('{"mine": 1}'::jsonb)");
}

// Another sync goes on with the staged rows.
TEST_P(StagedDefaultTest, ResumedStagingTableGetsTheDefaultOfItsSync) {
  LoadAndCancel("s", GetParam().ask, ManyRecords());
  v1::StartSyncRequest request;
  request.set_sync_id("t");
  *request.add_streams() = Stream(GetParam().ask);
  request.mutable_streams(0)->set_airbyte_sync_id(7);
  ASSERT_OK(client().StartSync(request));
  EXPECT_EQ(Staging(), R"('{"changes": [], "sync_id": 7}'::jsonb)");
  ASSERT_OK(Send("t", ManyRecords(5000)));
  ASSERT_OK(Complete("t"));
  EXPECT_EQ(Target(), "");
  EXPECT_EQ(PlainRows(), 1000);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table(kTable),
                                  " WHERE _airbyte_meta = '{\"sync_id\":7,\"changes\":[]}'")),
            1000);
}

INSTANTIATE_TEST_SUITE_P(Loaders, StagedDefaultTest,
                         ::testing::Values(Staged{"Dedup", Dedup(0), Dedup(0)},
                                           Staged{"Replace", Replace(1), Replace(2)},
                                           Staged{"DedupReplace", DedupReplace(1),
                                                  DedupReplace(2)}),
                         [](const auto& staged) { return staged.param.name; });

TEST_F(MetaDefaultTest, SwapDropsWhatAnAppendLeft) {
  LoadAndCancel("s", Append(0), ManyRecords());
  ASSERT_OK(Start("r", Replace(1)));
  // As if the drop had failed, because of a lock.
  Execute(absl::StrCat("ALTER TABLE ", Table(kTable), " ALTER COLUMN _airbyte_meta SET DEFAULT ",
                       kOurs));
  ASSERT_OK(Send("r", Record(1, "a")));
  ASSERT_OK(Complete("r"));
  EXPECT_EQ(Target(), "");
  EXPECT_EQ(Rows(), "1:a@1");
}

}  // namespace
}  // namespace syncline::testing
