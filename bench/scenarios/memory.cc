// P6: the server's peak memory for a long stream compared with a short one, and with a database
// that is stopped in the middle. Each stream has its own server.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "bench/runner/loading.h"
#include "bench/runner/process_usage.h"
#include "bench/scenarios/scenarios.h"

namespace syncline::bench {
namespace {

constexpr double kMebibyte = 1 << 20;
constexpr int64_t kLargeBytes = 5'000'000'000;
constexpr int64_t kRecordBytes = 2'000;  // approximate size of a wide_text record
constexpr int kManyStreams = 64;
constexpr int64_t kStreamBytes =
    10'000'000;  // more than gRPC buffers for a stream that is not read
constexpr absl::Duration kStop = absl::Seconds(10);
constexpr absl::Duration kPatience = absl::Seconds(60);

// Stops every process of the cluster, waits, and continues them.
void FreezeProcesses(pid_t postmaster) {
  std::vector<pid_t> all = FindChildren(postmaster);
  all.push_back(postmaster);
  for (const pid_t pid : all) kill(pid, SIGSTOP);
  absl::SleepFor(kStop);
  for (const pid_t pid : all) kill(pid, SIGCONT);
}

// Waits until rows of `table` arrive, when the streams are in progress, and then stops the database
// for a while.
absl::Status FreezeDuringLoad(Bench& bench, const std::string& table) {
  const std::string flowing = absl::StrCat("SELECT count(*) FROM pg_class WHERE relname = '", table,
                                           "' AND pg_relation_size(oid) > 0");
  const absl::Time deadline = absl::Now() + kPatience;
  while (absl::Now() < deadline) {
    SYNCLINE_ASSIGN_OR_RETURN(const int64_t tables, bench.database().Integer(flowing));
    if (tables > 0) break;
    absl::SleepFor(absl::Milliseconds(20));
  }
  FreezeProcesses(bench.postmaster());
  return absl::OkStatus();
}

absl::Status CheckRows(Bench& bench, const std::string& table, int64_t expected) {
  SYNCLINE_ASSIGN_OR_RETURN(const int64_t rows,
                            bench.database().Integer("SELECT count(*) FROM " + table));
  if (rows == expected) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(rows, " rows instead of ", expected));
}

// Pipes the generator's records into `syncline load -`, so that the disk need not hold gigabytes.
absl::Status Stream(Bench& bench, const ServerUnderTest& server, int64_t records, bool stop) {
  const RecordShape& shape = *FindRecordShape("wide_text");
  SYNCLINE_ASSIGN_OR_RETURN(const std::string schema, bench.FreshSchema(/*create=*/false));
  SYNCLINE_ASSIGN_OR_RETURN(std::vector<std::string> arguments,
                            LoadArguments(bench, server, shape, "-", schema));
  std::array<int, 2> pipe_fds = {-1, -1};
  if (pipe2(pipe_fds.data(), O_CLOEXEC) != 0) return absl::InternalError("no pipe");
  auto generator = Program::Start({.arguments = {SYNCLINE_GENERATOR_BINARY, "--shape=wide_text",
                                                 absl::StrCat("--records=", records)},
                                   .stdout_fd = pipe_fds[1]},
                                  bench.options().directory);
  auto load = Program::Start({.arguments = std::move(arguments), .stdin_fd = pipe_fds[0]},
                             bench.options().directory);
  for (const int fd : pipe_fds) close(fd);
  SYNCLINE_RETURN_IF_ERROR(generator.status());
  SYNCLINE_RETURN_IF_ERROR(load.status());
  if (stop) SYNCLINE_RETURN_IF_ERROR(FreezeDuringLoad(bench, shape.name));
  SYNCLINE_RETURN_IF_ERROR((*load)->Wait().status());
  SYNCLINE_RETURN_IF_ERROR((*generator)->Wait().status());
  SYNCLINE_RETURN_IF_ERROR(CheckRows(bench, GetTableName(schema, shape), records));
  return bench.DropSchema(schema);
}

// Runs many streams at once while the database is stopped. The data that the callers keep sending
// must not accumulate in the server.
absl::StatusOr<double> PeakOfManyStreams(Bench& bench) {
  const RecordShape& shape = *FindRecordShape("wide_text");
  const Slice slice = {.count = kStreamBytes / kRecordBytes};
  SYNCLINE_ASSIGN_OR_RETURN(const std::string file,
                            bench.DataFile(shape, RecordFormat::kJsonl, slice));
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
  std::vector<std::string> schemas;
  std::vector<std::unique_ptr<Program>> loads;
  for (int i = 0; i < kManyStreams; ++i) {
    SYNCLINE_ASSIGN_OR_RETURN(const std::string schema, bench.FreshSchema(/*create=*/false));
    SYNCLINE_ASSIGN_OR_RETURN(std::vector<std::string> arguments,
                              LoadArguments(bench, *server, shape, file, schema));
    SYNCLINE_ASSIGN_OR_RETURN(
        std::unique_ptr<Program> load,
        Program::Start({.arguments = std::move(arguments)}, bench.options().directory));
    schemas.push_back(schema);
    loads.push_back(std::move(load));
  }
  SYNCLINE_RETURN_IF_ERROR(FreezeDuringLoad(bench, shape.name));
  for (const auto& load : loads) SYNCLINE_RETURN_IF_ERROR(load->Wait().status());
  for (const std::string& schema : schemas) {
    SYNCLINE_RETURN_IF_ERROR(CheckRows(bench, GetTableName(schema, shape), slice.count));
    SYNCLINE_RETURN_IF_ERROR(bench.DropSchema(schema));
  }
  return static_cast<double>(PeakMemoryBytes(server->pid())) / kMebibyte;
}

absl::StatusOr<double> PeakMebibytes(Bench& bench, int64_t bytes, bool stop) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
  SYNCLINE_RETURN_IF_ERROR(Stream(bench, *server, bytes / kRecordBytes, stop));
  return static_cast<double>(PeakMemoryBytes(server->pid())) / kMebibyte;
}

}  // namespace

// Runs once, because peaks vary little and gigabytes take long.
absl::StatusOr<Findings> RunMemory(Bench& bench) {
  SYNCLINE_ASSIGN_OR_RETURN(const double large, PeakMebibytes(bench, kLargeBytes, false));
  SYNCLINE_ASSIGN_OR_RETURN(const double small, PeakMebibytes(bench, kLargeBytes / 10, false));
  SYNCLINE_ASSIGN_OR_RETURN(const double stopped, PeakMebibytes(bench, kLargeBytes / 2, true));
  return Figures{
      {.id = "P6",
       .name = "peak memory, 5 GB / 0.5 GB",
       .unit = "MiB",
       .ours = {large},
       .baseline = {small},
       .target = 1.10},
      {.id = "P6", .name = "peak memory, 5 GB", .unit = "MiB", .ours = {large}, .target = 256},
      {.id = "P6",
       .name = "peak memory, 2.5 GB, the database stopped for 10 s",
       .unit = "MiB",
       .ours = {stopped},
       .target = 256}};
}

absl::StatusOr<Findings> RunMemoryOfStreams(Bench& bench) {
  SYNCLINE_ASSIGN_OR_RETURN(const double peak, PeakOfManyStreams(bench));
  return Figures{{.id = "",
                  .name = "peak memory, 64 streams, the database stopped",
                  .unit = "MiB",
                  .ours = {peak}}};
}

}  // namespace syncline::bench
