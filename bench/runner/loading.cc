#include "bench/runner/loading.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "bench/runner/process_usage.h"

namespace syncline::bench {

namespace {

// Measures \copy of `dump` into the shape's table in `schema`, checks it and drops the schema.
absl::StatusOr<Measures> MeasureCopy(Bench& bench, const RecordShape& shape,
                                     const std::string& schema, const std::string& dump,
                                     const std::string& contents) {
  const std::string table = GetTableName(schema, shape);
  SYNCLINE_RETURN_IF_ERROR(bench.Checkpoint());
  SYNCLINE_ASSIGN_OR_RETURN(const ProgramEnd end,
                            bench.Psql({absl::StrCat("\\copy ", table, " from '", dump, "'")}));
  SYNCLINE_RETURN_IF_ERROR(CheckContents(bench, shape, table, contents));
  SYNCLINE_RETURN_IF_ERROR(bench.DropSchema(schema));
  return Measures{end.seconds};
}

}  // namespace

std::string GetTableName(const std::string& schema, const RecordShape& shape) {
  return absl::StrCat("\"", schema, "\".\"", shape.name, "\"");
}

absl::StatusOr<std::vector<std::string>> LoadArguments(Bench& bench, const ServerUnderTest& server,
                                                       const RecordShape& shape,
                                                       const std::string& file,
                                                       const std::string& schema,
                                                       const std::vector<std::string>& flags) {
  const std::string schema_file = absl::StrCat(shape.name, ".schema.json");
  SYNCLINE_RETURN_IF_ERROR(bench.WriteFile(schema_file, JsonSchemaOf(shape)));
  std::vector<std::string> arguments = {SYNCLINE_CLIENT_BINARY,
                                        "load",
                                        file,
                                        absl::StrCat("--table=", schema, ".", shape.name),
                                        "--schema=" + bench.Path(schema_file),
                                        "--server=" + server.address(),
                                        "--output=json"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  return arguments;
}

absl::StatusOr<std::string> ReadContents(Bench& bench, const RecordShape& shape,
                                         const std::string& table) {
  return bench.database().Value(
      absl::StrCat("SELECT count(*) || ' rows, checksum ' || coalesce(sum(hashtextextended(ROW(",
                   MakeColumnNames(shape), ")::text, 0)::numeric), 0) FROM ", table));
}

absl::StatusOr<std::string> ComputeExpectedContents(Bench& bench, const RecordShape& shape,
                                                    const std::vector<Slice>& slices) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::string schema, bench.FreshSchema(/*create=*/true));
  const std::string table = GetTableName(schema, shape);
  SYNCLINE_RETURN_IF_ERROR(bench.database().Execute(
      absl::StrCat("CREATE UNLOGGED TABLE ", table, " (", MakeColumnDefinitions(shape), ")")));
  for (const Slice& slice : slices) {
    SYNCLINE_ASSIGN_OR_RETURN(const std::string file,
                              bench.DataFile(shape, RecordFormat::kCopy, slice));
    SYNCLINE_RETURN_IF_ERROR(
        bench.Psql({absl::StrCat("\\copy ", table, " from '", file, "'")}).status());
  }
  SYNCLINE_ASSIGN_OR_RETURN(std::string contents, ReadContents(bench, shape, table));
  SYNCLINE_RETURN_IF_ERROR(bench.DropSchema(schema));
  return contents;
}

absl::Status CheckContents(Bench& bench, const RecordShape& shape, const std::string& table,
                           const std::string& contents) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::string found, ReadContents(bench, shape, table));
  if (found == contents) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("wrong contents of ", table, ": ", found, " instead of ", contents));
}

absl::Status PrepareNothing(const std::string&) { return absl::OkStatus(); }

absl::StatusOr<Measures> MeasureLoad(Bench& bench, const ServerUnderTest& server,
                                     const RecordShape& shape, const std::string& contents,
                                     LoadFunction load, PrepareFunction prepare) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::string schema, bench.FreshSchema(/*create=*/false));
  SYNCLINE_RETURN_IF_ERROR(prepare(schema));
  SYNCLINE_RETURN_IF_ERROR(bench.Checkpoint());
  const double server_before = CpuSeconds(server.pid());
  const double postgres_before = PostgresCpuSeconds(bench.postmaster());
  SYNCLINE_ASSIGN_OR_RETURN(const ProgramEnd end, load(schema));
  const Measures measures = {end.seconds, CpuSeconds(server.pid()) - server_before,
                             PostgresCpuSeconds(bench.postmaster()) - postgres_before,
                             end.cpu_seconds};
  SYNCLINE_RETURN_IF_ERROR(CheckContents(bench, shape, GetTableName(schema, shape), contents));
  SYNCLINE_RETURN_IF_ERROR(bench.DropSchema(schema));
  return measures;
}

absl::StatusOr<Pairs> CompareWithOwnColumns(Bench& bench, const ServerUnderTest& server,
                                            const RecordShape& shape, int64_t records,
                                            LoadFunction load, double share) {
  const Slice slice = {.count = records};
  SYNCLINE_ASSIGN_OR_RETURN(const std::string contents,
                            ComputeExpectedContents(bench, shape, {slice}));
  SYNCLINE_ASSIGN_OR_RETURN(const std::string dump,
                            bench.DataFile(shape, RecordFormat::kCopy, slice));
  const auto ours = [&] { return MeasureLoad(bench, server, shape, contents, load); };
  const auto baseline = [&]() -> absl::StatusOr<Measures> {
    SYNCLINE_ASSIGN_OR_RETURN(const std::string schema, bench.FreshSchema(/*create=*/true));
    const std::string table = GetTableName(schema, shape);
    SYNCLINE_RETURN_IF_ERROR(bench.database().Execute(
        absl::StrCat("CREATE TABLE ", table, " (", MakeColumnDefinitions(shape), ")")));
    return MeasureCopy(bench, shape, schema, dump, contents);
  };
  return bench.Alternate(ours, baseline, share);
}

absl::StatusOr<Pairs> CompareWithCopy(Bench& bench, const ServerUnderTest& server,
                                      const RecordShape& shape, int64_t records, LoadFunction load,
                                      double share) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::string contents,
                            ComputeExpectedContents(bench, shape, {{.count = records}}));
  // The table whose text dump the baseline loads and whose definition it copies.
  SYNCLINE_ASSIGN_OR_RETURN(const std::string origin, bench.FreshSchema(/*create=*/false));
  SYNCLINE_RETURN_IF_ERROR(load(origin).status());
  const std::string original = GetTableName(origin, shape);
  SYNCLINE_RETURN_IF_ERROR(CheckContents(bench, shape, original, contents));
  const std::string dump = bench.Path("dump.copy");
  SYNCLINE_RETURN_IF_ERROR(
      bench.Psql({absl::StrCat("\\copy ", original, " to '", dump, "'")}).status());

  const auto ours = [&] { return MeasureLoad(bench, server, shape, contents, load); };
  const auto baseline = [&]() -> absl::StatusOr<Measures> {
    SYNCLINE_ASSIGN_OR_RETURN(const std::string schema, bench.FreshSchema(/*create=*/true));
    const std::string table = GetTableName(schema, shape);
    SYNCLINE_RETURN_IF_ERROR(bench.database().Execute(
        absl::StrCat("CREATE TABLE ", table, " (LIKE ", original, " INCLUDING ALL)")));
    return MeasureCopy(bench, shape, schema, dump, contents);
  };
  SYNCLINE_ASSIGN_OR_RETURN(Pairs pairs, bench.Alternate(ours, baseline, share));
  unlink(dump.c_str());
  SYNCLINE_RETURN_IF_ERROR(bench.DropSchema(origin));
  return pairs;
}

}  // namespace syncline::bench
