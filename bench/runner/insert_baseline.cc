#include "bench/runner/insert_baseline.h"

#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "bench/data/record_text.h"

namespace syncline::bench {
namespace {

constexpr char kStatement[] = "insert_one";
// Of the raw id, the time, the meta and the generation.
constexpr const char* kMetaValues[] = {"018bcfe5-6800-8000-8000-0123456789ab",
                                       "2024-01-01T00:00:00Z", R"({"sync_id":0,"changes":[]})",
                                       "0"};
constexpr double kMilliseconds = 1000;

}  // namespace

absl::Status InsertBaseline::CreateTable(Database& database, const std::string& table,
                                         const RecordShape& shape) {
  return database.Execute(absl::StrCat(
      "CREATE TABLE ", table,
      " (_airbyte_raw_id varchar NOT NULL, _airbyte_extracted_at timestamptz NOT NULL, "
      "_airbyte_meta jsonb NOT NULL, _airbyte_generation_id bigint NOT NULL, ",
      MakeColumnDefinitions(shape), ")"));
}

absl::StatusOr<std::unique_ptr<InsertBaseline>> InsertBaseline::Create(const std::string& dsn,
                                                                       const std::string& table,
                                                                       const RecordShape& shape) {
  SYNCLINE_ASSIGN_OR_RETURN(std::unique_ptr<Database> database, Database::Connect(dsn));
  std::vector<std::string> parameters;
  for (size_t i = 1; i <= shape.columns.size() + std::size(kMetaValues); ++i) {
    parameters.push_back(absl::StrCat("$", i));
  }
  SYNCLINE_RETURN_IF_ERROR(database->Prepare(
      kStatement,
      absl::StrCat("INSERT INTO ", table, " VALUES (", absl::StrJoin(parameters, ", "), ")")));
  return std::unique_ptr<InsertBaseline>(new InsertBaseline(std::move(database), shape));
}

absl::StatusOr<double> InsertBaseline::Insert(int64_t number) {
  std::vector<Cell> cells;
  FillRecord(shape_, number, 0, &cells);
  std::vector<const char*> values(std::begin(kMetaValues), std::end(kMetaValues));
  for (const Cell& cell : cells) values.push_back(cell.null ? nullptr : cell.text.c_str());
  const absl::Time began = absl::Now();
  SYNCLINE_RETURN_IF_ERROR(database_->ExecutePrepared(kStatement, values));
  return absl::ToDoubleSeconds(absl::Now() - began) * kMilliseconds;
}

}  // namespace syncline::bench
