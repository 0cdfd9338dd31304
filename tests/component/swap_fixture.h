// A schema with a target table `t` and a loaded table `t_new`, both of the form that the loaders
// create.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "server/postgres/swap/swap.h"
#include "tests/component/definitions_sql.h"
#include "tests/support/postgres_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {

class SwapFixture : public PostgresTest {
 protected:
  static constexpr char kColumns[] = "id bigint, name text, amount numeric(10,2)";

  // A table with `rows` rows: id = 1..rows, name = 'n<id>', amount = id.
  void MakeTable(absl::string_view table, int rows, int generation,
                 absl::string_view columns = kColumns) {
    Execute(absl::StrCat("CREATE TABLE ", Table(table),
                         "(_airbyte_raw_id varchar NOT NULL, _airbyte_extracted_at timestamptz NOT "
                         "NULL, _airbyte_meta jsonb NOT NULL, _airbyte_generation_id bigint NOT "
                         "NULL, ",
                         columns, ")"));
    if (columns != kColumns) return;
    Execute(absl::StrCat("INSERT INTO ", Table(table), " SELECT 'r' || i, now(), '{}', ",
                         generation, ", i, 'n' || i, i FROM generate_series(1, ", rows, ") i"));
  }

  TableName Name(absl::string_view table) const { return {schema(), std::string(table)}; }

  static absl::Status NoLedger(postgres::Transaction&) { return absl::OkStatus(); }

  absl::Status Swap(
      const postgres::SwapOptions& options = {},
      const std::function<absl::Status(postgres::Transaction&)>& ledger_step = NoLedger) {
    return postgres::OverwriteTable(database(), Name("t_new"), Name("t"), options, ledger_step,
                                    &stats_);
  }

  // Runs statements in which $S stands for the schema and $R for the prefix of this test's roles.
  void Run(absl::string_view sql) { Execute(Expand(sql)); }
  std::string Value(absl::string_view sql) { return QueryValue(Expand(sql)); }
  std::string Count(absl::string_view relation = "t") {
    return QueryValue(absl::StrCat("SELECT count(*) FROM ", Table(relation)));
  }
  std::string Expand(absl::string_view sql) const {
    return absl::StrReplaceAll(sql, {{"$S", schema()}, {"$R", schema()}});
  }

  // Creates a role that is dropped at the end of the test.
  void MakeRole(absl::string_view suffix, absl::string_view options = "") {
    const std::string role = absl::StrCat(schema(), suffix);
    Execute(absl::StrCat("CREATE ROLE ", role, " ", options));
    roles_.push_back(role);
  }

  // All definitions of the schema, as pg_dump prints them, except those of the loaded table.
  std::string Dump() {
    std::string text;
    const bool dumped = RunPgDump(&text);
    // The server is newer than the programs that are installed.
    if (!dumped && absl::StrContains(text, "server version mismatch")) return ListDefinitions();
    EXPECT_TRUE(dumped) << text;
    std::string kept;
    for (const absl::string_view line : absl::StrSplit(text, '\n')) {
      // A \restrict line contains a random word.
      if (absl::StrContains(line, "restrict ")) continue;
      absl::StrAppend(&kept, line, "\n");
    }
    return kept;
  }

  void TearDown() override {
    if (!schema().empty()) {
      // Objects that a test creates outside its schema, dropped even if the test failed halfway.
      Run("SET client_min_messages = error; DROP PUBLICATION IF EXISTS $S_pub;"
          "DROP SCHEMA IF EXISTS $S_other CASCADE; DROP FOREIGN DATA WRAPPER IF EXISTS $S_w "
          "CASCADE");
      for (const std::string& role : roles_)
        Execute(absl::StrCat("DROP OWNED BY ", role, " CASCADE"));
      for (const std::string& role : roles_) Execute(absl::StrCat("DROP ROLE ", role));
    }
    PostgresTest::TearDown();
  }

  postgres::SwapStats stats_;

 private:
  bool RunPgDump(std::string* text) {
    const std::string command = absl::StrCat(
        "PATH=\"$PATH:$(echo /usr/lib/postgresql/*/bin | tr ' ' ':')\" pg_dump "
        "--schema-only --schema=",
        schema(), " --exclude-table='", schema(), ".t_new' -d '",
        absl::StrReplaceAll(dsn(), {{"'", "'\\''"}}), "' 2>&1");
    FILE* const pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return false;
    char buffer[4096];
    for (size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) text->append(buffer, n);
    return pclose(pipe) == 0;
  }

  std::string ListDefinitions() {
    const std::unique_ptr<postgres::Connection> connection = Connect();
    const absl::StatusOr<postgres::Result> rows =
        connection->Query(kDefinitionsSql, postgres::Params().Text(schema()).Text("t_new"));
    EXPECT_OK(rows);
    std::string text;
    if (!rows.ok()) return text;
    for (const postgres::RowView row : *rows) absl::StrAppend(&text, row.Text("line"), "\n");
    return text;
  }

  std::vector<std::string> roles_;
};

}  // namespace syncline::testing
