// How speed and memory change as one quantity grows: columns, bytes per record, concurrent streams,
// rows of the table that is merged into, lanes. Each point has its own server.
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "bench/data/growing_shapes.h"
#include "bench/runner/loading.h"
#include "bench/runner/many_streams.h"
#include "bench/runner/process_usage.h"
#include "bench/scenarios/scenarios.h"

namespace syncline::bench {
namespace {

constexpr double kMebibyte = 1 << 20;
constexpr double kMicroseconds = 1e6;
constexpr int kMaxRepetitions = 3;
// Bytes of JSON per point, and the maximum number of records.
constexpr int64_t kPointBytes = 80'000'000;
constexpr int64_t kMaxPointRecords = 500'000;

// The measures of every point, in this order.
enum GrowthMeasure : size_t { kRate, kMegabytes, kCpuPerRow, kPeak };

Series MakeSeries(const char* name, const char* title, const char* x_name) {
  return {.name = name,
          .title = title,
          .x_name = x_name,
          .measures = {"rows/s", "MB/s of JSON", "server CPU us/row", "server's peak MiB"},
          .points = {},
          .plotted = {kRate, kPeak}};
}

std::string FormatLabel(int64_t x) {
  if (x >= 1'000'000 && x % 1'000'000 == 0) return absl::StrCat(x / 1'000'000, "M");
  if (x >= 1'000 && x % 1'000 == 0) return absl::StrCat(x / 1'000, "k");
  return absl::StrCat(x);
}

// Runs `once`, which measures seconds and the server's CPU, several times and returns a point with
// the medians.
absl::StatusOr<SeriesPoint> MeasurePoint(Bench& bench, const ServerUnderTest& server, int64_t x,
                                         int64_t records, int64_t json_bytes,
                                         absl::FunctionRef<absl::StatusOr<Measures>()> once) {
  std::vector<Measures> runs;
  const absl::Time deadline = absl::Now() + bench.options().limit;
  for (int i = 0; i < std::min(bench.options().repetitions, kMaxRepetitions); ++i) {
    if (i > 0 && absl::Now() >= deadline) break;
    SYNCLINE_ASSIGN_OR_RETURN(Measures measures, once());
    runs.push_back(std::move(measures));
  }
  const double seconds = Median(Pairs::Pick(runs, kSeconds));
  const double cpu = Median(Pairs::Pick(runs, kServerCpu));
  const auto rows = static_cast<double>(records);
  SeriesPoint point = {.x = static_cast<double>(x),
                       .label = FormatLabel(x),
                       .values = {rows / seconds, static_cast<double>(json_bytes) / seconds / 1e6,
                                  cpu * kMicroseconds / rows,
                                  static_cast<double>(PeakMemoryBytes(server.pid())) / kMebibyte}};
  std::fprintf(stderr, "    %8s: %.0f rows/s, %.0f MiB\n", point.label.c_str(), point.values[kRate],
               point.values[kPeak]);
  return point;
}

int64_t FileBytes(const std::string& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  return error ? 0 : static_cast<int64_t>(size);
}

// Appends one stream of `records` records to a new table.
absl::StatusOr<SeriesPoint> AppendPoint(Bench& bench, const RecordShape& shape, int64_t records,
                                        int64_t x, const std::vector<std::string>& server_flags) {
  const Slice slice = {.count = records};
  SYNCLINE_ASSIGN_OR_RETURN(const std::string file,
                            bench.DataFile(shape, RecordFormat::kJsonl, slice));
  SYNCLINE_ASSIGN_OR_RETURN(const std::string contents,
                            ComputeExpectedContents(bench, shape, {slice}));
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server,
                            bench.StartServer(server_flags));
  const auto load = [&](const std::string& schema) -> absl::StatusOr<ProgramEnd> {
    SYNCLINE_ASSIGN_OR_RETURN(std::vector<std::string> arguments,
                              LoadArguments(bench, *server, shape, file, schema));
    return bench.Run({.arguments = std::move(arguments)});
  };
  return MeasurePoint(bench, *server, x, records, FileBytes(file),
                      [&] { return MeasureLoad(bench, *server, shape, contents, load); });
}

// Returns the number of records of `shape` per point.
absl::StatusOr<int64_t> RecordsOf(const Bench& bench, const RecordShape& shape) {
  std::vector<Cell> cells;
  FillRecord(shape, 0, 0, &cells);
  std::string line;
  AppendRecord(shape, cells, RecordFormat::kJsonl, &line);
  const int64_t most = std::min(bench.options().records, kMaxPointRecords);
  return std::clamp<int64_t>(kPointBytes / static_cast<int64_t>(line.size()), 1, most);
}

// Measures one shape per size and deletes its files afterwards.
absl::StatusOr<Findings> GrowByShape(Bench& bench, Series series, const std::vector<int64_t>& sizes,
                                     RecordShape (*shape_of)(int64_t)) {
  for (const int64_t size : sizes) {
    const RecordShape shape = shape_of(size);
    SYNCLINE_ASSIGN_OR_RETURN(const int64_t records, RecordsOf(bench, shape));
    SYNCLINE_ASSIGN_OR_RETURN(SeriesPoint point, AppendPoint(bench, shape, records, size, {}));
    series.points.push_back(std::move(point));
    for (const RecordFormat format : {RecordFormat::kJsonl, RecordFormat::kCopy}) {
      SYNCLINE_ASSIGN_OR_RETURN(const std::string file,
                                bench.DataFile(shape, format, {.count = records}));
      unlink(file.c_str());
    }
  }
  return Findings(std::move(series));
}

// A table of two columns with `table_rows` rows. Changed rows for the same keys, evenly distributed
// over the table, are merged into it repeatedly.
class MergePoint {
 public:
  MergePoint(Bench& bench, int64_t table_rows) : bench_(bench), table_rows_(table_rows) {}

  absl::StatusOr<SeriesPoint> Measure() {
    SYNCLINE_ASSIGN_OR_RETURN(server_, bench_.StartServer());
    if (table_rows_ > 0) SYNCLINE_RETURN_IF_ERROR(MakeTable());
    SYNCLINE_ASSIGN_OR_RETURN(SeriesPoint point,
                              MeasurePoint(bench_, *server_, table_rows_, kChanged,
                                           // Records of all revisions have about the same length.
                                           kChanged * 28, [this] { return Once(); }));
    if (!schema_.empty()) SYNCLINE_RETURN_IF_ERROR(bench_.DropSchema(schema_));
    return point;
  }

 private:
  static constexpr int64_t kChanged = 100'000;

  absl::Status MakeTable() {
    SYNCLINE_ASSIGN_OR_RETURN(schema_, bench_.FreshSchema(/*create=*/false));
    SYNCLINE_ASSIGN_OR_RETURN(const std::string file, bench_.DataFile(shape_, RecordFormat::kJsonl,
                                                                      {.count = table_rows_}));
    SYNCLINE_RETURN_IF_ERROR(Load(file, schema_).status());
    unlink(file.c_str());
    return bench_.database().Execute("ANALYZE " + GetTableName(schema_, shape_));
  }

  absl::StatusOr<Measures> Once() {
    Slice slice = {.count = kChanged,
                   .step = std::max<int64_t>(table_rows_ / kChanged, 1),
                   .revision = ++revision_};
    SYNCLINE_ASSIGN_OR_RETURN(const std::string file,
                              bench_.DataFile(shape_, RecordFormat::kJsonl, slice));
    SYNCLINE_ASSIGN_OR_RETURN(const std::string contents,
                              ComputeExpectedContents(bench_, shape_, {slice}));
    std::string schema = schema_;
    if (schema.empty()) {
      SYNCLINE_ASSIGN_OR_RETURN(schema, bench_.FreshSchema(/*create=*/false));
    }
    SYNCLINE_RETURN_IF_ERROR(bench_.Checkpoint());
    const double cpu_before = CpuSeconds(server_->pid());
    SYNCLINE_ASSIGN_OR_RETURN(const ProgramEnd end, Load(file, schema));
    const Measures measures = {end.seconds, CpuSeconds(server_->pid()) - cpu_before};
    SYNCLINE_RETURN_IF_ERROR(Check(schema, slice, contents));
    unlink(file.c_str());
    if (schema != schema_) SYNCLINE_RETURN_IF_ERROR(bench_.DropSchema(schema));
    return measures;
  }

  // Checks that the changed rows have their new values and that the number of rows is unchanged.
  absl::Status Check(const std::string& schema, const Slice& slice, const std::string& contents) {
    const std::string table = GetTableName(schema, shape_);
    SYNCLINE_RETURN_IF_ERROR(
        CheckContents(bench_, shape_,
                      absl::StrCat("(SELECT * FROM ", table, " WHERE id % ", slice.step,
                                   " = 0 AND id < ", slice.count * slice.step, ") AS changed"),
                      contents));
    SYNCLINE_ASSIGN_OR_RETURN(const int64_t rows,
                              bench_.database().Integer("SELECT count(*) FROM " + table));
    if (rows == std::max(table_rows_, kChanged)) return absl::OkStatus();
    return absl::InternalError(absl::StrCat(rows, " rows after a merge into ", table_rows_));
  }

  absl::StatusOr<ProgramEnd> Load(const std::string& file, const std::string& schema) {
    SYNCLINE_ASSIGN_OR_RETURN(std::vector<std::string> arguments,
                              LoadArguments(bench_, *server_, shape_, file, schema,
                                            {"--mode=dedup", "--primary_key=id"}));
    return bench_.Run({.arguments = std::move(arguments)});
  }

  Bench& bench_;
  const int64_t table_rows_;
  const RecordShape& shape_ = *FindRecordShape("narrow");
  std::unique_ptr<ServerUnderTest> server_;
  std::string schema_;
  int64_t revision_ = 0;
};

}  // namespace

absl::StatusOr<Findings> RunGrowthByColumns(Bench& bench) {
  return GrowByShape(
      bench, MakeSeries("growth-columns", "One stream, by number of columns", "columns"),
      {1, 10, 100, 500, 1500}, [](int64_t size) { return ShapeOfColumns(static_cast<int>(size)); });
}

absl::StatusOr<Findings> RunGrowthByBytes(Bench& bench) {
  constexpr int64_t kGreatest = (int64_t{16} << 20) - 1000;
  Series series = MakeSeries("growth-bytes", "One stream, by bytes per record", "bytes per record");
  series.plotted = {kMegabytes, kPeak};
  SYNCLINE_ASSIGN_OR_RETURN(
      Findings findings,
      GrowByShape(bench, std::move(series), {50, 250, 1'000, 10'000, 100'000, 1'000'000, kGreatest},
                  ShapeOfBytes));
  findings.series[0].points.back().label = "16Mi";
  return findings;
}

absl::StatusOr<Findings> RunGrowthByStreams(Bench& bench) {
  constexpr int64_t kMaxStreams = 64;
  const RecordShape& shape = *FindRecordShape("mixed12");
  SYNCLINE_ASSIGN_OR_RETURN(int64_t records, RecordsOf(bench, shape));
  records = std::max(records / kMaxStreams, int64_t{1}) * kMaxStreams;
  Series series =
      MakeSeries("growth-streams", "The same records, by concurrent streams", "streams");
  for (int64_t count = 1; count <= kMaxStreams; count *= 2) {
    SYNCLINE_ASSIGN_OR_RETURN(std::vector<LoadedStream> streams,
                              DivideAmong(bench, shape, records, count));
    SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
    int64_t bytes = 0;
    for (const LoadedStream& stream : streams) bytes += FileBytes(stream.file);
    const auto once = [&]() -> absl::StatusOr<Measures> {
      const double cpu_before = CpuSeconds(server->pid());
      SYNCLINE_ASSIGN_OR_RETURN(const Measures together,
                                LoadTogether(bench, *server, shape, records, streams));
      return Measures{static_cast<double>(records) / together[0],
                      CpuSeconds(server->pid()) - cpu_before};
    };
    SYNCLINE_ASSIGN_OR_RETURN(SeriesPoint point,
                              MeasurePoint(bench, *server, count, records, bytes, once));
    series.points.push_back(std::move(point));
  }
  return Findings(std::move(series));
}

absl::StatusOr<Findings> RunGrowthByTable(Bench& bench) {
  Series series =
      MakeSeries("growth-table", "100,000 rows merged, by rows of the table", "rows of the table");
  std::vector<int64_t> sizes = {0, 100'000, 1'000'000};
  if (bench.options().full) sizes.push_back(10'000'000);
  for (const int64_t size : sizes) {
    SYNCLINE_ASSIGN_OR_RETURN(SeriesPoint point, MergePoint(bench, size).Measure());
    series.points.push_back(std::move(point));
  }
  return Findings(std::move(series));
}

absl::StatusOr<Findings> RunGrowthByLanes(Bench& bench) {
  const RecordShape& shape = *FindRecordShape("mixed12");
  SYNCLINE_ASSIGN_OR_RETURN(const int64_t records, RecordsOf(bench, shape));
  Series series = MakeSeries("growth-lanes", "One stream, by its lanes", "lanes");
  for (int64_t lanes = 1; lanes <= 4; ++lanes) {
    SYNCLINE_ASSIGN_OR_RETURN(
        SeriesPoint point,
        AppendPoint(bench, shape, records, lanes, {absl::StrCat("--lanes_per_stream=", lanes)}));
    series.points.push_back(std::move(point));
  }
  return Findings(std::move(series));
}

}  // namespace syncline::bench
