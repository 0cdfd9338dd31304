// `syncline load` without a server: the service runs inside the process, for a database of the user
// or for a private PostgreSQL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class DirectLoadTest : public EndToEndTest {
 protected:
  void TearDown() override {
    if (!schema().empty())
      Execute("DROP SCHEMA IF EXISTS syncline CASCADE");  // the default schema of the ledger
    EndToEndTest::TearDown();
  }

  // The connection string of the tests' database, with another port if given.
  std::string Dsn(const std::string& port = "") {
    const auto row = QueryText(
        "SELECT split_part(current_setting('unix_socket_directories'), ',', 1), "
        "current_setting('port'), current_database(), current_user");
    return absl::StrCat("host=", row[0][0], " port=", port.empty() ? row[0][1] : port,
                        " dbname=", row[0][2], " user=", row[0][3]);
  }

  std::string TableFlag() const { return absl::StrCat("--table=\"", schema(), "\".rows"); }

  std::unique_ptr<Process> StartRun(const std::vector<std::string>& arguments) {
    ProcessOptions options;
    options.arguments = {SYNCLINE_CLIENT_BINARY};
    options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
    auto process = Process::Start(options);
    EXPECT_OK(process);
    return process.ok() ? *std::move(process) : nullptr;
  }

  int Run(const std::vector<std::string>& arguments) {
    const std::unique_ptr<Process> process = StartRun(arguments);
    if (process == nullptr) return -1;
    const int code = process->Wait(kPatience).value_or(-1);
    stdout_ = process->Stdout();
    stderr_ = process->Stderr();
    return code;
  }

  std::string stdout_;
  std::string stderr_;
};

TEST_F(DirectLoadTest, LoadsAndListsWithoutAServer) {
  const std::string file = WriteFile("a.csv", "id,name\n1,Ann\n2,Bob\n");
  const std::string dsn = "--postgres_dsn=" + Dsn();
  EXPECT_EQ(Run({"load", file, TableFlag(), dsn, "--sync_id=s"}), 0) << stderr_;
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("rows"))), 2);
  EXPECT_EQ(Run({"load", file, TableFlag(), dsn, "--sync_id=s"}), 0) << stderr_;
  EXPECT_THAT(stderr_, HasSubstr("has already loaded this input"));
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("rows"))), 2);
  const std::string dsn_file = WriteFile("dsn", Dsn() + "\n");
  EXPECT_EQ(Run({"list", "--postgres_dsn_file=" + dsn_file}), 0) << stderr_;
  EXPECT_THAT(stdout_, HasSubstr("finished"));
}

TEST_F(DirectLoadTest, ContinuesAfterAKill) {
  constexpr int kRows = 300'000;
  std::string text = "id,name\n";
  for (int i = 0; i < kRows; ++i) absl::StrAppend(&text, i, ",a name of some length ", i, "\n");
  const std::vector<std::string> arguments = {"load", WriteFile("a.csv", text), TableFlag(),
                                              "--postgres_dsn=" + Dsn(), "--sync_id=s"};
  const std::unique_ptr<Process> killed = StartRun(arguments);
  ASSERT_NE(killed, nullptr);
  EXPECT_TRUE(Eventually([&] {
    return QueryInt(absl::StrCat("SELECT (to_regclass('", Table("rows"), "') IS NOT NULL)::int")) ==
               1 &&
           QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("rows"))) > 0;
  }));
  killed->Kill();
  EXPECT_EQ(Run(arguments), 0) << stderr_;
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("rows"))), kRows);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(DISTINCT id) FROM ", Table("rows"))), kRows);
}

TEST_F(DirectLoadTest, LoadsIntoAPrivatePostgres) {
  const std::string file = WriteFile("a.csv", "id,name\n1,Ann\n2,Bob\n");
  const TemporaryDirectory directory("direct");
  const std::string embedded = "--embedded_postgres=" + directory.Path("data");
  EXPECT_EQ(Run({"load", file, "--table=people", embedded, "--sync_id=s"}), 0) << stderr_;
  EXPECT_THAT(stderr_, AllOf(HasSubstr("2 rows, 0 rejected"),
                             HasSubstr("run syncline-server --embedded_postgres")));
  // The data remain.
  EXPECT_EQ(Run({"status", "s", embedded, "--output=json"}), 0) << stderr_;
  EXPECT_THAT(stdout_, HasSubstr("\"records_written\":\"2\""));
}

TEST_F(DirectLoadTest, RefusesFlagsThatExcludeEachOther) {
  const std::string file = WriteFile("a.csv", "id\n1\n");
  EXPECT_EQ(Run({"load", file, TableFlag(), "--postgres_dsn=host=x", "--server=y"}), 2);
  EXPECT_THAT(stderr_, HasSubstr("give only one of them"));
  EXPECT_EQ(Run({"list", "--embedded_postgres=" + files().Path("new"), "--tls"}), 2);
  EXPECT_THAT(stderr_, HasSubstr("--tls is for calls to a server, but --embedded_postgres runs"));
  EXPECT_EQ(Run({"list", "--postgres_dsn=host=x", "--embedded_postgres=y"}), 2);
  EXPECT_THAT(stderr_, HasSubstr("exclude each other"));
  EXPECT_EQ(Run({"list", "--postgres_dsn=host=x password=se'cret"}), 2);
  EXPECT_THAT(stderr_, AllOf(HasSubstr("--postgres_dsn_file"), Not(HasSubstr("se'cret"))));
  EXPECT_EQ(Run({"list", "--postgres_dsn_file=" + files().Path("missing")}), 2);
  EXPECT_THAT(stderr_, HasSubstr("missing"));
}

TEST_F(DirectLoadTest, AnEmptyDatabaseFlagIsRefused) {
  for (const char* const flag : {"postgres_dsn", "postgres_dsn_file", "embedded_postgres"}) {
    EXPECT_EQ(Run({"list", absl::StrCat("--", flag, "=")}), 2);
    EXPECT_THAT(stderr_, HasSubstr(absl::StrCat("--", flag, " is empty; name a database")));
  }
}

TEST_F(DirectLoadTest, AnOutageIsReportedAtOnce) {
  const std::string file = WriteFile("a.csv", "id\n1\n");
  for (const std::string& flag :
       {"--postgres_dsn=" + Dsn("1"), std::string("--server=127.0.0.1:1")}) {
    EXPECT_EQ(Run({"load", file, TableFlag(), "--retry_for=3s", flag}), 1);
    EXPECT_THAT(stderr_, HasSubstr("; trying again until "));
  }
  EXPECT_THAT(stderr_, HasSubstr("cannot reach the server at 127.0.0.1:1"));
}

TEST_F(DirectLoadTest, DryRunOfAnUnreachableDatabaseShowsTheFile) {
  const std::string file = WriteFile("a.csv", "id,name\n1,Ann\n");
  for (const std::string& flag :
       {"--postgres_dsn=" + Dsn("1"), std::string("--server=127.0.0.1:1")}) {
    EXPECT_EQ(Run({"load", file, TableFlag(), "--dry_run", flag}), 0) << stderr_;
    EXPECT_THAT(stdout_, AllOf(HasSubstr("\"name\" varchar"), HasSubstr("1   Ann\n")));
    EXPECT_THAT(stderr_, HasSubstr("what an existing table would change is not known"));
  }
}

}  // namespace
}  // namespace syncline::testing
