// P4: every fifth row of the table changes. The baseline is what an application would do: COPY into
// a temporary table, then INSERT ... ON CONFLICT. P4u: the same with a table of the caller's own
// columns as the baseline.
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "bench/runner/loading.h"
#include "bench/scenarios/scenarios.h"

namespace syncline::bench {
namespace {

constexpr int64_t kStep = 5;
constexpr double kEach = 0.5;  // each comparison's share of the scenario's time

class Dedup {
 public:
  Dedup(Bench& bench, const ServerUnderTest& server) : bench_(bench), server_(server) {}

  absl::Status Prepare() {
    const int64_t part = bench_.options().records / kStep;
    SYNCLINE_ASSIGN_OR_RETURN(
        old_file_, bench_.DataFile(shape_, RecordFormat::kJsonl, {.count = part * kStep}));
    const Slice changed = {.count = part, .step = kStep, .revision = 1};
    SYNCLINE_ASSIGN_OR_RETURN(new_file_, bench_.DataFile(shape_, RecordFormat::kJsonl, changed));
    std::vector<Slice> slices = {changed};
    for (int64_t first = 1; first < kStep; ++first) {
      slices.push_back({.count = part, .first = first, .step = kStep});
    }
    SYNCLINE_ASSIGN_OR_RETURN(contents_, ComputeExpectedContents(bench_, shape_, slices));
    return MakeOrigin();
  }

  absl::StatusOr<Measures> Ours() {
    return MeasureLoad(
        bench_, server_, shape_, contents_,
        [this](const std::string& schema) { return Load(new_file_, schema); },
        [this](const std::string& schema) { return Load(old_file_, schema).status(); });
  }

  // The baseline: the same columns, or only the caller's own, a primary key, and the changed rows
  // merged in one transaction.
  absl::StatusOr<Measures> RunBaseline(bool own_columns) {
    const std::string& dump = own_columns ? own_dump_ : dump_;
    SYNCLINE_ASSIGN_OR_RETURN(const std::string schema, bench_.FreshSchema(/*create=*/true));
    const std::string table = GetTableName(schema, shape_);
    const std::string key = absl::StrCat("\"", shape_.columns[0].name, "\"");
    SYNCLINE_RETURN_IF_ERROR(bench_.database().Execute(
        absl::StrCat("CREATE TABLE ", table, " AS SELECT ",
                     own_columns ? MakeColumnNames(shape_) : "*", " FROM ", before_,
                     "; ALTER TABLE ", table, " ADD PRIMARY KEY (", key, "); ANALYZE ", table)));
    SYNCLINE_ASSIGN_OR_RETURN(
        const std::vector<std::string> settings,
        bench_.database().Column(absl::StrCat(
            "SELECT format('%1$I = EXCLUDED.%1$I', attname) FROM pg_attribute WHERE attrelid = '",
            table, "'::regclass AND attnum > 0 AND attname <> '", shape_.columns[0].name, "'")));
    SYNCLINE_RETURN_IF_ERROR(bench_.Checkpoint());
    SYNCLINE_ASSIGN_OR_RETURN(
        const ProgramEnd end,
        bench_.Psql({"BEGIN", absl::StrCat("CREATE TEMP TABLE staging (LIKE ", table, ")"),
                     absl::StrCat("\\copy staging from '", dump, "'"),
                     absl::StrCat("INSERT INTO ", table, " SELECT * FROM staging ON CONFLICT (",
                                  key, ") DO UPDATE SET ", absl::StrJoin(settings, ", ")),
                     "COMMIT"}));
    SYNCLINE_RETURN_IF_ERROR(CheckContents(bench_, shape_, table, contents_));
    SYNCLINE_RETURN_IF_ERROR(bench_.DropSchema(schema));
    return Measures{end.seconds};
  }

  absl::Status CleanUp() {
    unlink(dump_.c_str());
    unlink(own_dump_.c_str());
    return bench_.DropSchema(origin_);
  }

 private:
  absl::StatusOr<ProgramEnd> Load(const std::string& file, const std::string& schema) {
    SYNCLINE_ASSIGN_OR_RETURN(
        std::vector<std::string> arguments,
        LoadArguments(bench_, server_, shape_, file, schema,
                      {"--mode=dedup", absl::StrCat("--primary_key=", shape_.columns[0].name)}));
    return bench_.Run({.arguments = std::move(arguments)});
  }

  // Creates the rows before the change, and text dumps of the changed rows, with and without their
  // meta columns.
  absl::Status MakeOrigin() {
    SYNCLINE_ASSIGN_OR_RETURN(origin_, bench_.FreshSchema(/*create=*/false));
    const std::string table = GetTableName(origin_, shape_);
    before_ = absl::StrCat("\"", origin_, "\".rows_before");
    SYNCLINE_RETURN_IF_ERROR(Load(old_file_, origin_).status());
    SYNCLINE_RETURN_IF_ERROR(bench_.database().Execute(
        absl::StrCat("CREATE TABLE ", before_, " AS SELECT * FROM ", table)));
    SYNCLINE_RETURN_IF_ERROR(Load(new_file_, origin_).status());
    SYNCLINE_RETURN_IF_ERROR(CheckContents(bench_, shape_, table, contents_));
    dump_ = bench_.Path("changed.copy");
    own_dump_ = bench_.Path("changed_own.copy");
    SYNCLINE_RETURN_IF_ERROR(Dump("*", table, dump_));
    return Dump(MakeColumnNames(shape_), table, own_dump_);
  }

  absl::Status Dump(const std::string& columns, const std::string& table, const std::string& file) {
    return bench_
        .Psql({absl::StrCat("\\copy (SELECT ", columns, " FROM ", table, " WHERE id % ", kStep,
                            " = 0) to '", file, "'")})
        .status();
  }

  Bench& bench_;
  const ServerUnderTest& server_;
  const RecordShape& shape_ = *FindRecordShape("mixed12");
  std::string old_file_;
  std::string new_file_;
  std::string contents_;
  std::string origin_;
  std::string before_;
  std::string dump_;
  std::string own_dump_;
};

}  // namespace

absl::StatusOr<Findings> RunDedup(Bench& bench) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
  Dedup dedup(bench, *server);
  SYNCLINE_RETURN_IF_ERROR(dedup.Prepare());
  SYNCLINE_ASSIGN_OR_RETURN(
      const Pairs pairs,
      bench.Alternate([&] { return dedup.Ours(); },
                      [&] { return dedup.RunBaseline(/*own_columns=*/false); }, kEach));
  SYNCLINE_ASSIGN_OR_RETURN(
      const Pairs own,
      bench.Alternate([&] { return dedup.Ours(); },
                      [&] { return dedup.RunBaseline(/*own_columns=*/true); }, kEach));
  SYNCLINE_RETURN_IF_ERROR(dedup.CleanUp());
  return Figures{{.id = "P4",
                  .name = "dedup, a fifth changed / INSERT ON CONFLICT",
                  .unit = "s",
                  .ours = Pairs::Pick(pairs.ours, kSeconds),
                  .baseline = Pairs::Pick(pairs.baseline, kSeconds),
                  .target = 1.0},
                 {.id = "P4u",
                  .name = "the same / INSERT ON CONFLICT of the caller's columns",
                  .unit = "s",
                  .ours = Pairs::Pick(own.ours, kSeconds),
                  .baseline = Pairs::Pick(own.baseline, kSeconds),
                  .target = 1.0}};
}

}  // namespace syncline::bench
