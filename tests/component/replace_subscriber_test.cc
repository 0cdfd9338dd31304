// A subscriber of the database follows the table through replaces: it has the rows of the new
// generation, and none of the old one, whichever way the publication names the table.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "tests/component/app_fixture.h"
#include "tests/support/own_cluster.h"

namespace syncline::testing {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);

class SubscriberTest : public WithOwnCluster<AppTest>,
                       public ::testing::WithParamInterface<std::pair<const char*, const char*>> {
 protected:
  void SetUp() override {
    WithOwnCluster<AppTest>::SetUp();
    if (schema().empty()) return;
    Execute("CREATE DATABASE subscriber");
    ASSERT_OK_AND_ASSIGN(subscriber_, postgres::Connection::Open(
                                          {.conninfo = absl::StrCat(dsn(), " dbname=subscriber")}));
  }

  void TearDown() override {
    if (subscriber_ != nullptr) {
      EXPECT_OK(subscriber_->Execute("ALTER SUBSCRIPTION sub DISABLE"));
    }
    subscriber_.reset();
    // Before the cluster.
    StopServer();
    WithOwnCluster<AppTest>::TearDown();
  }

  PostgresClusterOptions ClusterOptions() const override {
    return {.settings = {{"wal_level", "logical"}, {"max_worker_processes", "16"}}};
  }

  // Creates in the subscriber every table of both schemas that it lacks, as an administrator must:
  // logical replication does not carry definitions.
  void CopyDefinitions() {
    for (const std::vector<std::string>& row : QueryText(absl::StrCat(
             "SELECT format('CREATE SCHEMA IF NOT EXISTS %I; CREATE TABLE IF NOT EXISTS %I.%I "
             "(%s%s)', n.nspname, n.nspname, c.relname, string_agg(format('%I %s', a.attname, "
             "format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum), (SELECT ', ' || "
             "pg_get_constraintdef(k.oid) FROM pg_constraint k WHERE k.conrelid = c.oid AND "
             "k.contype = 'p')) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN "
             "pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE "
             "c.relkind = 'r' AND n.nspname IN ('",
             schema(), "', '", ledger(), "') GROUP BY n.nspname, c.relname, c.oid"))) {
      ASSERT_OK(subscriber_->Execute(row[0]));
    }
  }

  // Subscribes to the publication `pub`. The slot is created manually, because a subscription to
  // the same cluster would wait for itself.
  void Subscribe() {
    CopyDefinitions();
    Execute("SELECT pg_create_logical_replication_slot('sub', 'pgoutput')");
    ASSERT_OK(subscriber_->Execute(absl::StrCat(
        "CREATE SUBSCRIPTION sub CONNECTION '", absl::StrReplaceAll(dsn(), {{"'", "''"}}),
        "' PUBLICATION pub WITH (create_slot = false, slot_name = 'sub')")));
  }

  std::string SubscribedRows() {
    const absl::StatusOr<postgres::Result> rows = subscriber_->Query(
        absl::StrCat(
            "SELECT coalesce(string_agg(format('%s:%s', id, name), ' ' ORDER BY id, name), "
            "'') FROM ",
            Table(kTable)),
        {});
    return rows.ok() ? rows->Text(0, 0) : std::string(rows.status().message());
  }

  void ExpectRows(const std::string& wanted) {
    const absl::Time end = absl::Now() + kPatience;
    while (SubscribedRows() != wanted && absl::Now() < end) absl::SleepFor(absl::Milliseconds(20));
    EXPECT_EQ(SubscribedRows(), wanted);
  }

  // Loads as a sync does; the subscriber gets the definitions of new staging tables in time.
  void LoadFollowed(absl::string_view sync_id, const Ask& ask, absl::string_view lines,
                    v1::Outcome outcome) {
    ASSERT_OK(Start(sync_id, ask));
    CopyDefinitions();
    ASSERT_OK(Send(sync_id, lines));
    ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse done, Complete(sync_id));
    EXPECT_EQ(done.outcome(), outcome);
  }

  std::unique_ptr<postgres::Connection> subscriber_;
};

TEST_P(SubscriberTest, FollowsReplacesAndAppends) {
  Load("s1", Replace(1), Record(1, "a") + Record(2, "b"));
  Execute(absl::StrCat("CREATE PUBLICATION pub FOR ",
                       absl::StrReplaceAll(GetParam().second, {{"$S", schema()}})));
  Subscribe();
  ExpectRows("1:a 2:b");
  LoadFollowed("s2", Replace(2), Record(2, "x") + Record(3, "y") + Record(4, "z"),
               v1::OUTCOME_REPLACED_IN_PLACE);
  ExpectRows("2:x 3:y 4:z");
  LoadFollowed("s3", Append(2), Record(5, "later"), v1::OUTCOME_APPENDED);
  ExpectRows("2:x 3:y 4:z 5:later");
  LoadFollowed("s4", Replace(3), Record(6, "last"), v1::OUTCOME_REPLACED_IN_PLACE);
  ExpectRows("6:last");
}

TEST_P(SubscriberTest, FollowsDifferencesByKey) {
  std::string first;
  std::string second;
  std::string wanted;
  for (int id = 1; id <= 12; ++id) {
    const std::string name = id == 7 ? "new" : "same";
    if (id < 12) absl::StrAppend(&first, Record(id, "same", 1));
    if (id > 1) absl::StrAppend(&second, Record(id, name, 1));
    if (id > 1) absl::StrAppend(&wanted, wanted.empty() ? "" : " ", id, ":", name);
  }
  Load("s1", DedupReplace(1), first);
  Execute(absl::StrCat("CREATE PUBLICATION pub FOR ",
                       absl::StrReplaceAll(GetParam().second, {{"$S", schema()}})));
  Subscribe();
  LoadFollowed("s2", DedupReplace(2), second, v1::OUTCOME_REPLACED_IN_PLACE);
  ExpectRows(wanted);
}

INSTANTIATE_TEST_SUITE_P(All, SubscriberTest,
                         ::testing::Values(std::pair("Table", "TABLE $S.users"),
                                           std::pair("AllTables", "ALL TABLES"),
                                           std::pair("Schema", "TABLES IN SCHEMA $S")),
                         [](const auto& param) { return std::string(param.param.first); });

}  // namespace
}  // namespace syncline::testing
