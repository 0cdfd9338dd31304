// What other sessions notice of merges, of changes of a table's definition and of drops of indexes:
// no session waits for longer than one attempt to take a lock, and no transaction of a user fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/thread.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

using postgres::Connection;

// Far more than an attempt, and less than the test holds up the server.
constexpr char kShortPatience[] = "SET statement_timeout = '800ms'";

// Runs `sql` again and again in a session of its own, and fails the test if it takes longer than
// kShortPatience.
class Repeated {
 public:
  Repeated(std::unique_ptr<Connection> session, std::string sql)
      : session_(std::move(session)),
        sql_(std::move(sql)),
        thread_(std::make_unique<Thread>("repeated", [this] { Run(); })) {}
  ~Repeated() {
    done_ = true;
    thread_.reset();
    EXPECT_OK(status_);
    EXPECT_GT(runs_, 0);
  }

 private:
  void Run() {
    status_ = session_->Execute(kShortPatience);
    while (!done_ && status_.ok()) {
      status_ = session_->Execute(sql_);
      ++runs_;
    }
  }

  const std::unique_ptr<Connection> session_;
  const std::string sql_;
  std::atomic<bool> done_ = false;
  absl::Status status_;
  int runs_ = 0;
  std::unique_ptr<Thread> thread_;  // the last member, because it uses the others
};

class TableLockTest : public AppTest {
 protected:
  void SetUp() override {
    AppTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    Load("s1", Dedup(0), Record(1, "a", 1) + Record(2, "b", 1) + Record(3, "c", 1));
  }

  // Starts a sync and loads its records.
  void Stage(absl::string_view sync_id, const Ask& ask, absl::string_view lines) {
    ASSERT_OK(Start(sync_id, ask));
    ASSERT_OK(Send(sync_id, lines));
  }

  std::unique_ptr<Repeated> Repeat(absl::string_view sql) {
    return std::make_unique<Repeated>(Connect(), std::string(sql));
  }

  std::string CountAll() const { return absl::StrCat("SELECT count(*) FROM ", Table(kTable)); }

  // A session in a transaction that has run `sql`.
  std::unique_ptr<Connection> Hold(absl::string_view sql) {
    std::unique_ptr<Connection> session = Connect();
    EXPECT_OK(session->Execute(absl::StrCat("SET application_name = 'a console'; BEGIN; ", sql)));
    return session;
  }

  int64_t CountKeyIndexes() {
    return QueryInt(absl::StrCat("SELECT count(*) FROM pg_indexes WHERE schemaname = '", schema(),
                                 "' AND tablename = '", kTable, "'"));
  }

  static Ask Wide() {
    Ask wide = Dedup(0);
    wide.json_schema = R"({"properties":{"id":{"type":"integer"},"name":{"type":"string"},)"
                       R"("at":{"type":"integer"},"city":{"type":"string"}}})";
    return wide;
  }
};

TEST_F(TableLockTest, MergeDoesNotQueueWritersBehindAWriter) {
  Stage("s2", Dedup(0), Record(2, "new", 2));
  const auto writer =
      Hold(absl::StrCat("UPDATE ", Table(kTable), " SET name = 'mine' WHERE id = 1"));
  auto completed = std::async(std::launch::async, [&] { return Complete("s2").status(); });
  {
    const auto others =
        Repeat(absl::StrCat("UPDATE ", Table(kTable), " SET name = name WHERE id = 3"));
    EXPECT_EQ(completed.wait_for(std::chrono::seconds(2)), std::future_status::timeout);
  }
  ASSERT_OK(writer->Commit());
  EXPECT_OK(completed.get());
  EXPECT_EQ(Rows(), "1:mine@0 2:new@0 3:c@0");
}

// The user's transaction locks a row, and asks for more than that lock while the merge waits.
TEST_F(TableLockTest, MergeMakesNoUserADeadlockVictim) {
  Stage("s2", Dedup(0), Record(2, "new", 2));
  const auto user = Hold(absl::StrCat("SELECT FROM ", Table(kTable), " WHERE id = 2 FOR UPDATE"));
  auto completed = std::async(std::launch::async, [&] { return Complete("s2").status(); });
  // Longer than deadlock_timeout.
  EXPECT_EQ(completed.wait_for(std::chrono::milliseconds(1500)), std::future_status::timeout);
  EXPECT_OK(
      user->Execute(absl::StrCat("UPDATE ", Table(kTable), " SET name = 'mine' WHERE id = 2")));
  EXPECT_OK(user->Commit());
  EXPECT_OK(completed.get());
  EXPECT_EQ(Rows(), "1:a@0 2:new@0 3:c@0");
}

TEST_F(TableLockTest, MergeNamesItsBlockerAtTheDeadline) {
  RestartServer({"--swap_deadline=300ms"});
  Stage("s2", Dedup(0), Record(2, "new", 2));
  const auto writer =
      Hold(absl::StrCat("UPDATE ", Table(kTable), " SET name = 'mine' WHERE id = 1"));
  const absl::Status status = Complete("s2").status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted, "LOCK_NOT_AVAILABLE"));
  EXPECT_TRUE(GetDetail(status).retry_after.has_value());
  EXPECT_THAT(std::string(status.message()),
              ::testing::AllOf(::testing::HasSubstr("users: pid "),
                               ::testing::HasSubstr("(a console), transaction open for "),
                               ::testing::HasSubstr("last statement started at ")));
  EXPECT_EQ(StagedRows(), "2:new@0");
  writer->Rollback();
  ASSERT_OK(Complete("s2"));
  EXPECT_EQ(Rows(), "1:a@0 2:new@0 3:c@0");
}

// The column is added before the merge begins, which is held up by a trigger.
TEST_F(TableLockTest, ReadersDoNotWaitForAMergeThatAddsAColumn) {
  Execute(absl::StrCat("CREATE FUNCTION ", Table("slow"),
                       "() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM "
                       "pg_catalog.pg_sleep(1.5); RETURN NULL; END'; CREATE TRIGGER slow AFTER "
                       "INSERT OR UPDATE ON ",
                       Table(kTable), " FOR EACH STATEMENT EXECUTE FUNCTION ", Table("slow"),
                       "()"));
  Stage("s2", Wide(), "{\"id\":2,\"name\":\"new\",\"at\":2,\"city\":\"Bonn\"}\n");
  {
    const auto readers = Repeat(CountAll());
    ASSERT_OK(Complete("s2"));
  }
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT city FROM ", Table(kTable), " WHERE id = 2")), "Bonn");
}

TEST_F(TableLockTest, EvolutionDoesNotQueueReadersBehindALongReader) {
  Execute(absl::StrCat("CREATE VIEW ", Table("v"), " AS SELECT id, at FROM ", Table(kTable),
                       "; CREATE VIEW ", Table("vv"), " AS SELECT count(at) FROM ", Table("v")));
  Ask retyped = Append(0);
  retyped.json_schema =
      R"({"properties":{"id":{"type":"integer"},"name":{"type":"string"},"at":{"type":"string"}}})";
  const auto reader = Hold(CountAll());
  auto started = std::async(std::launch::async, [&] { return Start("s2", retyped).status(); });
  {
    const auto readers = Repeat(absl::StrCat("SELECT * FROM ", Table("vv")));
    EXPECT_EQ(started.wait_for(std::chrono::seconds(2)), std::future_status::timeout);
  }
  ASSERT_OK(reader->Commit());
  EXPECT_OK(started.get());
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT pg_typeof(at) FROM ", Table("v"), " LIMIT 1")),
            "character varying");
}

// The rows of a merge are published although an index that is not needed cannot be dropped.
TEST_F(TableLockTest, KeyChangeDoesNotWaitForReaders) {
  RestartServer({"--swap_deadline=1s"});
  Ask by_name = Dedup(0);
  by_name.primary_key = {"name"};
  Stage("s2", by_name, Record(4, "d", 1));
  const auto reader = Hold(CountAll());
  {
    const auto readers = Repeat(CountAll());
    ASSERT_OK(Complete("s2"));
  }
  EXPECT_EQ(Rows(), "1:a@0 2:b@0 3:c@0 4:d@0");
  EXPECT_EQ(CountKeyIndexes(), 2);
  ASSERT_OK(reader->Commit());
  Load("s3", by_name, Record(5, "e", 1));
  EXPECT_EQ(CountKeyIndexes(), 1);
}

TEST_F(TableLockTest, AppendDropsADuplicateIndexWhenItCan) {
  RestartServer({"--swap_deadline=1s"});
  Execute(absl::StrCat("CREATE INDEX mine ON ", Table(kTable), " (id)"));
  ASSERT_OK(Start("s2", Append(0)));
  ASSERT_OK(Send("s2", Record(4, "d")));
  const auto reader = Hold(CountAll());
  {
    const auto readers = Repeat(CountAll());
    ASSERT_OK(Complete("s2"));
  }
  EXPECT_EQ(CountKeyIndexes(), 2);
  ASSERT_OK(reader->Commit());
  Load("s3", Append(0), Record(5, "e"));
  EXPECT_EQ(CountKeyIndexes(), 1);
}

// The swap that is tried first prepares the staging table with the foreign key, which is dropped
// before the rows are replaced in place.
TEST_F(TableLockTest, InPlaceReplaceDoesNotQueueReadersOfAReferencedTable) {
  RestartServer({"--swap_deadline=1s"});
  Execute(absl::StrCat("CREATE TABLE ", Table("parent"), " (id bigint PRIMARY KEY); INSERT INTO ",
                       Table("parent"), " SELECT generate_series(1, 9); ALTER TABLE ",
                       Table(kTable), " ADD FOREIGN KEY (id) REFERENCES ", Table("parent")));
  Stage("s2", Replace(1), Record(4, "d"));
  const std::string of_parent = absl::StrCat("SELECT count(*) FROM ", Table("parent"));
  const auto reader = Hold(CountAll());
  const auto reader_of_parent = Hold(of_parent);
  {
    const auto readers = Repeat(of_parent);
    EXPECT_THAT(Complete("s2").status(), StatusIs(absl::StatusCode::kAborted, "SWAP_LOCKED"));
  }
  ASSERT_OK(reader_of_parent->Commit());
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse done, Complete("s2"));
  EXPECT_EQ(done.outcome(), v1::OUTCOME_REPLACED_IN_PLACE);
  EXPECT_EQ(Rows(), "4:d@1");
  ASSERT_OK(reader->Commit());
}

// A guard that refuses a merge also prevents the change of the table's definition.
TEST_F(TableLockTest, GuardIsCheckedBeforeTheDefinitionChanges) {
  v1::StartSyncRequest request;
  request.set_sync_id("s2");
  *request.add_streams() = Stream(Wide());
  request.mutable_streams(0)->mutable_guard()->set_min_rows(100);
  ASSERT_OK(client().StartSync(request));
  ASSERT_OK(Send("s2", "{\"id\":2,\"name\":\"new\",\"at\":2,\"city\":\"Bonn\"}\n"));
  EXPECT_THAT(Complete("s2").status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, "PUBLISH_GUARD"));
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM information_schema.columns WHERE "
                                  "table_schema = '",
                                  schema(), "' AND table_name = '", kTable,
                                  "' AND column_name = 'city'")),
            0);
}

}  // namespace
}  // namespace syncline::testing
