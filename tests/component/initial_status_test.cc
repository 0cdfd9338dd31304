#include "server/postgres/table/initial_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/component/table_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

using postgres::InitialStatus;
using postgres::StreamTables;
using postgres::Transaction;
using ::testing::HasSubstr;

class InitialStatusTest : public TableFixture {
 protected:
  absl::StatusOr<std::vector<InitialStatus>> Gather(const std::vector<StreamTables>& streams) {
    std::vector<InitialStatus> statuses;
    const absl::Status status = Transact([&](Transaction& transaction) -> absl::Status {
      SYNCLINE_ASSIGN_OR_RETURN(statuses, postgres::GatherInitialStatus(transaction, streams));
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    return statuses;
  }

  StreamTables Stream(const std::string& name) const {
    return {Name(name), Name(absl::StrCat(name, " temp"))};
  }

  TableSchema table_schema_ = MakeSchema({{"id", ColumnType::kBigint}});
};

TEST_F(InitialStatusTest, NoStreams) {
  ASSERT_OK_AND_ASSIGN(const auto statuses, Gather({}));
  EXPECT_TRUE(statuses.empty());
}

TEST_F(InitialStatusTest, ReportsEachTableOfEachStream) {
  Create(Name("a"), table_schema_);
  Create(Name("b"), table_schema_);
  Create(Name("b temp"), table_schema_);
  const Record record = {{{"id", "1"}}};
  Insert(Name("b"), table_schema_, {record});
  Insert(Name("b temp"), table_schema_, {record});
  ASSERT_OK_AND_ASSIGN(const auto statuses,
                       Gather({Stream("b"), Stream("missing"), Stream("a"), Stream("b")}));
  ASSERT_EQ(statuses.size(), 4u);
  for (const size_t b : {0u, 3u}) {
    EXPECT_TRUE(statuses[b].real.exists);
    EXPECT_FALSE(statuses[b].real.empty);
    EXPECT_GT(statuses[b].real.size_bytes, 0);
    EXPECT_FALSE(statuses[b].temp.empty);
  }
  EXPECT_FALSE(statuses[1].real.exists);
  EXPECT_FALSE(statuses[1].temp.exists);
  EXPECT_TRUE(statuses[2].real.exists);
  EXPECT_TRUE(statuses[2].real.empty);
  EXPECT_EQ(statuses[2].real.size_bytes, 0);
  EXPECT_FALSE(statuses[2].temp.exists);
}

TEST_F(InitialStatusTest, SameNameInAnotherSchemaIsAnotherTable) {
  Create(Name("a"), table_schema_);
  ASSERT_OK_AND_ASSIGN(const auto statuses,
                       Gather({{{"no such schema", "a"}, {"no such schema", "a temp"}}}));
  EXPECT_FALSE(statuses[0].real.exists);
}

TEST_F(InitialStatusTest, AcceptsTablesOfOlderDestinations) {
  Execute(absl::StrCat("CREATE TABLE ", Table("a"),
                       " (id bigint, _airbyte_generation_id bigint, _airbyte_meta jsonb,"
                       " _airbyte_extracted_at timestamptz, _airbyte_raw_id varchar(36))"));
  ASSERT_OK_AND_ASSIGN(const auto statuses, Gather({Stream("a")}));
  EXPECT_TRUE(statuses[0].real.exists);
}

TEST_F(InitialStatusTest, AcceptsDividedTables) {
  const auto status = [&](const std::string& sql) {
    Execute(absl::StrReplaceAll(
        sql, {{"$", absl::StrCat(schema(), ".t")},
              {"#",
               "_airbyte_raw_id varchar, _airbyte_extracted_at timestamptz, _airbyte_meta "
               "jsonb, _airbyte_generation_id bigint"}}));
    const absl::StatusOr<std::vector<postgres::InitialStatus>> statuses = Gather({Stream("t")});
    EXPECT_OK(statuses.status());
    Execute(absl::StrReplaceAll("DROP TABLE $ CASCADE", {{"$", absl::StrCat(schema(), ".t")}}));
    return statuses.ok() ? statuses->front().real : postgres::TableStatus();
  };
  const postgres::TableStatus partitioned = status(
      "CREATE TABLE $ (#) PARTITION BY LIST (_airbyte_raw_id); CREATE TABLE $_1 PARTITION "
      "OF $ DEFAULT; INSERT INTO $ VALUES ('r', now(), '{}', 1)");
  EXPECT_TRUE(partitioned.exists);
  EXPECT_FALSE(partitioned.empty);
  EXPECT_TRUE(status("CREATE TABLE $ (#); CREATE TABLE $_child () INHERITS ($)").exists);
  const postgres::TableStatus child =
      status("CREATE TABLE $_parent (#); CREATE TABLE $ () INHERITS ($_parent)");
  EXPECT_TRUE(child.exists);
}

// A statement that creates an object named t, with "$" for the name, and the text that the refusal
// must contain.
struct Incompatible {
  const char* name;
  const char* sql;
  const char* message;
};

class IncompatibleTest : public InitialStatusTest,
                         public ::testing::WithParamInterface<Incompatible> {};

constexpr char kMetaColumns[] =
    "_airbyte_raw_id varchar, _airbyte_extracted_at timestamptz, _airbyte_meta jsonb,"
    " _airbyte_generation_id bigint";

INSTANTIATE_TEST_SUITE_P(
    Kinds, IncompatibleTest,
    ::testing::Values(
        Incompatible{"View", "CREATE VIEW $ AS SELECT 1 AS a", "is a view"},
        Incompatible{"MaterializedView", "CREATE MATERIALIZED VIEW $ AS SELECT 1 AS a",
                     "is a materialized view"},
        Incompatible{"Sequence", "CREATE SEQUENCE $", "is a sequence"},
        Incompatible{"Unlogged", "CREATE UNLOGGED TABLE $ (#)", "unlogged"},
        Incompatible{"NoMeta", "CREATE TABLE $ (id bigint)", "no column _airbyte_raw_id"},
        Incompatible{"SomeMeta", "CREATE TABLE $ (#); ALTER TABLE $ DROP _airbyte_meta",
                     "no column _airbyte_meta"},
        Incompatible{"RawIdOfAnotherType",
                     "CREATE TABLE $ (#); ALTER TABLE $ ALTER _airbyte_raw_id TYPE varchar(20)",
                     "_airbyte_raw_id of type character varying(20)"},
        Incompatible{"MetaOfAnotherType",
                     "CREATE TABLE $ (#); ALTER TABLE $ ALTER _airbyte_meta TYPE text",
                     "_airbyte_meta of type text"},
        Incompatible{"ExtractedAtOfAnotherType",
                     "CREATE TABLE $ (#); ALTER TABLE $ ALTER _airbyte_extracted_at TYPE timestamp",
                     "_airbyte_extracted_at of type timestamp"},
        Incompatible{"GenerationOfAnotherType",
                     "CREATE TABLE $ (#); ALTER TABLE $ ALTER _airbyte_generation_id TYPE integer",
                     "_airbyte_generation_id of type integer"}),
    [](const ::testing::TestParamInfo<Incompatible>& kind) { return kind.param.name; });

TEST_P(IncompatibleTest, IsRefusedAndUnchanged) {
  const std::string name = absl::StrCat(this->schema(), ".t");
  Execute(absl::StrReplaceAll(GetParam().sql, {{"$", name}, {"#", kMetaColumns}}));
  const std::string oid = QueryValue(absl::StrCat("SELECT '", name, "'::regclass::oid"));
  for (const StreamTables& stream :
       {StreamTables{Name("t"), Name("x")}, StreamTables{Name("x"), Name("t")}}) {
    const absl::Status status = Gather({Stream("fine"), stream}).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, "TARGET_INCOMPATIBLE"));
    EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().message));
    EXPECT_EQ(GetDetail(status).subject, name);
  }
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT '", name, "'::regclass::oid")), oid);
}

TEST_F(InitialStatusTest, ForeignTableIsRefused) {
  const std::string wrapper = absl::StrCat(this->schema(), "_wrapper");
  Execute(absl::StrCat("CREATE FOREIGN DATA WRAPPER ", wrapper, "; CREATE SERVER ", wrapper,
                       " FOREIGN DATA WRAPPER ", wrapper, "; CREATE FOREIGN TABLE ", Table("t"),
                       " (", kMetaColumns, ") SERVER ", wrapper));
  const absl::Status status = Gather({Stream("t")}).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, "TARGET_INCOMPATIBLE"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("is a foreign table"));
  Execute(absl::StrCat("DROP FOREIGN DATA WRAPPER ", wrapper, " CASCADE"));
}

TEST_F(InitialStatusTest, RowLevelSecurityThatHidesRowsIsRefused) {
  Create(Name("t"), table_schema_);
  Execute(absl::StrCat("ALTER TABLE ", Table("t"), " ENABLE ROW LEVEL SECURITY"));
  EXPECT_OK(Gather({Stream("t")})) << "this role owns the table";
  const std::string role = absl::StrCat(this->schema(), "_owner");
  Execute(absl::StrCat("CREATE ROLE ", role, "; GRANT USAGE ON SCHEMA ", this->schema(), " TO ",
                       role, "; ALTER TABLE ", Table("t"), " OWNER TO ", role, "; ALTER TABLE ",
                       Table("t"), " FORCE ROW LEVEL SECURITY"));
  const absl::Status status = Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_RETURN_IF_ERROR(transaction.Execute(absl::StrCat("SET LOCAL ROLE ", role)));
    return postgres::GatherInitialStatus(transaction, {Stream("t")}).status();
  });
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, "TARGET_INCOMPATIBLE"));
  Execute(absl::StrCat("DROP OWNED BY ", role, "; DROP ROLE ", role));
}

}  // namespace
}  // namespace syncline::testing
