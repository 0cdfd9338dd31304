// Loads into a distributed table of a Citus cluster, compared with an ordinary table of its
// coordinator. The database is the coordinator, and all nodes run on this machine.
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "bench/runner/loading.h"
#include "bench/runner/process_usage.h"
#include "bench/scenarios/scenarios.h"

namespace syncline::bench {
namespace {

struct Kind {
  int shards = 0;  // 0: an ordinary table
  const char* label = "";
  double target = 0;  // of the wall time, divided by that of the ordinary table
};

constexpr std::array<Kind, 3> kKinds = {{{0, "ordinary"}, {8, "8", 2.2}, {32, "32", 2.8}}};

// What a run takes besides the measures of LoadMeasure, which precede it.
constexpr size_t kWorkersCpu = kClientCpu + 1;

absl::StatusOr<std::vector<pid_t>> FindWorkers(Database& coordinator) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const std::vector<std::string> results,
      coordinator.Column("SELECT result FROM run_command_on_workers($$SELECT split_part("
                         "pg_read_file('postmaster.pid'), E'\\n', 1)$$) WHERE success"));
  std::vector<pid_t> workers;
  for (const std::string& result : results) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(result, &pid)) return absl::InternalError("not a process id: " + result);
    workers.push_back(pid);
  }
  if (workers.empty()) return absl::FailedPreconditionError("the database has no worker nodes");
  return workers;
}

double CpuSecondsOf(const std::vector<pid_t>& postmasters) {
  double seconds = 0;
  for (const pid_t postmaster : postmasters) seconds += PostgresCpuSeconds(postmaster);
  return seconds;
}

class CitusLoads {
 public:
  CitusLoads(Bench& bench, const ServerUnderTest& server, std::vector<pid_t> workers)
      : bench_(bench), server_(server), workers_(std::move(workers)) {}

  // Writes the data, and loads the table whose definition the others have.
  absl::Status Prepare() {
    const Slice slice = {.count = bench_.options().records};
    SYNCLINE_ASSIGN_OR_RETURN(file_, bench_.DataFile(shape_, RecordFormat::kJsonl, slice));
    SYNCLINE_ASSIGN_OR_RETURN(contents_, ComputeExpectedContents(bench_, shape_, {slice}));
    SYNCLINE_ASSIGN_OR_RETURN(original_, bench_.FreshSchema(/*create=*/false));
    return Load(original_).status();
  }

  absl::StatusOr<Measures> Measure(const Kind& kind) {
    double before = 0;
    double after = 0;
    SYNCLINE_ASSIGN_OR_RETURN(
        Measures measures,
        MeasureLoad(
            bench_, server_, shape_, contents_,
            [&](const std::string& schema) -> absl::StatusOr<ProgramEnd> {
              before = CpuSecondsOf(workers_);
              SYNCLINE_ASSIGN_OR_RETURN(ProgramEnd end, Load(schema));
              after = CpuSecondsOf(workers_);
              return end;
            },
            [&](const std::string& schema) { return CreateTable(kind, schema); }));
    measures.push_back(after - before);
    return measures;
  }

  absl::Status Finish() { return bench_.DropSchema(original_); }

 private:
  absl::StatusOr<ProgramEnd> Load(const std::string& schema) {
    SYNCLINE_ASSIGN_OR_RETURN(std::vector<std::string> arguments,
                              LoadArguments(bench_, server_, shape_, file_, schema));
    return bench_.Run({.arguments = std::move(arguments)});
  }

  absl::Status CreateTable(const Kind& kind, const std::string& schema) {
    const std::string table = GetTableName(schema, shape_);
    SYNCLINE_RETURN_IF_ERROR(bench_.database().Execute(
        absl::StrCat("CREATE SCHEMA ", schema, "; CREATE TABLE ", table, " (LIKE ",
                     GetTableName(original_, shape_), " INCLUDING ALL)")));
    if (kind.shards == 0) return absl::OkStatus();
    return bench_.database().Execute(absl::StrCat("SELECT create_distributed_table('", table,
                                                  "', 'id', shard_count := ", kind.shards, ")"));
  }

  Bench& bench_;
  const ServerUnderTest& server_;
  const std::vector<pid_t> workers_;
  const RecordShape& shape_ = *FindRecordShape("mixed12");
  std::string file_;
  std::string contents_;
  std::string original_;  // schema
};

}  // namespace

absl::StatusOr<Findings> RunCitus(Bench& bench) {
  SYNCLINE_ASSIGN_OR_RETURN(std::vector<pid_t> workers, FindWorkers(bench.database()));
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
  CitusLoads loads(bench, *server, std::move(workers));
  SYNCLINE_RETURN_IF_ERROR(loads.Prepare());
  // The kinds alternate, in an order that each round reverses. The first round is a warm-up. As in
  // Bench::Alternate, no other round begins after the time limit.
  std::array<std::vector<Measures>, kKinds.size()> runs;
  absl::Time deadline = absl::InfiniteFuture();
  for (int round = 0; round <= bench.options().repetitions; ++round) {
    if (round == 1) deadline = absl::Now() + bench.options().limit;
    if (round > 1 && absl::Now() >= deadline) break;
    for (size_t i = 0; i < kKinds.size(); ++i) {
      const size_t kind = round % 2 == 0 ? i : kKinds.size() - 1 - i;
      SYNCLINE_ASSIGN_OR_RETURN(Measures measures, loads.Measure(kKinds[kind]));
      if (round > 0) runs[kind].push_back(std::move(measures));
    }
  }
  SYNCLINE_RETURN_IF_ERROR(loads.Finish());

  Series series;
  series.name = "citus";
  series.title = "Loads into tables of a Citus cluster by shards";
  series.x_name = "shards";
  series.measures = {"s", "server CPU s", "coordinator CPU s", "workers CPU s"};
  Findings findings;
  for (size_t kind = 0; kind < kKinds.size(); ++kind) {
    const auto median = [&](size_t measure) { return Median(Pairs::Pick(runs[kind], measure)); };
    series.points.push_back({.x = static_cast<double>(kKinds[kind].shards),
                             .label = kKinds[kind].label,
                             .values = {median(kSeconds), median(kServerCpu), median(kPostgresCpu),
                                        median(kWorkersCpu)}});
    if (kKinds[kind].shards == 0) continue;
    findings.figures.push_back(
        {.id = "",
         .name = absl::StrCat("load into ", kKinds[kind].label, " shards / an ordinary table"),
         .unit = "s",
         .ours = Pairs::Pick(runs[kind], kSeconds),
         .baseline = Pairs::Pick(runs[0], kSeconds),
         .target = kKinds[kind].target});
  }
  findings.series.push_back(std::move(series));
  return findings;
}

}  // namespace syncline::bench
