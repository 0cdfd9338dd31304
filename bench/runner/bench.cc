#include "bench/runner/bench.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"

namespace syncline::bench {
namespace {

const char* SuffixOf(RecordFormat format) {
  switch (format) {
    case RecordFormat::kJsonl:
      return "jsonl";
    case RecordFormat::kAirbyte:
      return "airbyte";
    case RecordFormat::kCopy:
      return "copy";
  }
  return "";
}

}  // namespace

std::vector<double> Pairs::Pick(const std::vector<Measures>& runs, size_t measure) {
  std::vector<double> values;
  for (const Measures& run : runs) values.push_back(run.at(measure));
  return values;
}

absl::StatusOr<std::unique_ptr<Bench>> Bench::Create(BenchOptions options) {
  std::error_code error;
  std::filesystem::create_directories(options.directory, error);
  std::unique_ptr<Bench> bench(new Bench(std::move(options)));
  SYNCLINE_ASSIGN_OR_RETURN(bench->database_, Database::Connect(bench->options_.dsn));
  SYNCLINE_RETURN_IF_ERROR(bench->database_->Execute("SET client_min_messages = warning"));
  SYNCLINE_ASSIGN_OR_RETURN(
      const int64_t pid,
      bench->database_->Integer("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)"));
  bench->postmaster_ = static_cast<pid_t>(pid);
  for (const char* setting : {"fsync", "full_page_writes", "synchronous_commit"}) {
    SYNCLINE_ASSIGN_OR_RETURN(const std::string value,
                              bench->database_->Value(absl::StrCat("SHOW ", setting)));
    if (value != "on") return absl::FailedPreconditionError(absl::StrCat(setting, " is ", value));
  }
  return bench;
}

absl::StatusOr<std::unique_ptr<ServerUnderTest>> Bench::StartServer(
    const std::vector<std::string>& flags) const {
  return ServerUnderTest::Start(options_.dsn, options_.directory, flags);
}

absl::Status Bench::WriteFile(const std::string& name, const std::string& content) const {
  // Written to another name first, so that no program reads a partial file.
  const std::string part = Path(name) + ".part";
  std::ofstream file(part, std::ios::binary);
  file << content;
  file.close();
  if (!file.good()) return absl::InternalError("cannot write " + part);
  std::filesystem::rename(part, Path(name));
  return absl::OkStatus();
}

absl::StatusOr<std::string> Bench::DataFile(const RecordShape& shape, RecordFormat format,
                                            const Slice& slice) {
  const std::string path =
      Path(absl::StrCat(shape.name, "-", slice.first, "-", slice.step, "-", slice.count, "-r",
                        slice.revision, ".", SuffixOf(format)));
  if (std::filesystem::exists(path)) return path;
  const std::string part = path + ".part";
  SYNCLINE_RETURN_IF_ERROR(WriteRecords(shape, format, slice, part));
  std::filesystem::rename(part, path);
  return path;
}

absl::StatusOr<ProgramEnd> Bench::Run(const ProgramOptions& options) const {
  return RunProgram(options, options_.directory);
}

absl::StatusOr<ProgramEnd> Bench::Psql(const std::vector<std::string>& commands) const {
  std::vector<std::string> arguments = {options_.psql,    "-X", "-q", "-d", options_.dsn, "-v",
                                        "ON_ERROR_STOP=1"};
  for (const std::string& command : commands) {
    arguments.insert(arguments.end(), {"-c", command});
  }
  return Run({.arguments = std::move(arguments)});
}

absl::StatusOr<std::string> Bench::FreshSchema(bool create) {
  const std::string schema = absl::StrCat("bench_", ++schemas_);
  SYNCLINE_RETURN_IF_ERROR(
      database_->Execute(absl::StrCat("DROP SCHEMA IF EXISTS ", schema, " CASCADE")));
  if (create) SYNCLINE_RETURN_IF_ERROR(database_->Execute("CREATE SCHEMA " + schema));
  return schema;
}

absl::Status Bench::DropSchema(const std::string& schema) {
  return database_->Execute(absl::StrCat("DROP SCHEMA IF EXISTS ", schema, " CASCADE"));
}

absl::StatusOr<Pairs> Bench::Alternate(absl::FunctionRef<absl::StatusOr<Measures>()> ours,
                                       absl::FunctionRef<absl::StatusOr<Measures>()> baseline,
                                       double share) const {
  SYNCLINE_RETURN_IF_ERROR(ours().status());
  SYNCLINE_RETURN_IF_ERROR(baseline().status());
  Pairs pairs;
  const absl::Time deadline = absl::Now() + options_.limit * share;
  for (int pair = 0; pair < options_.repetitions; ++pair) {
    if (pair > 0 && absl::Now() >= deadline) break;
    for (const bool our_turn : {pair % 2 == 0, pair % 2 != 0}) {
      SYNCLINE_ASSIGN_OR_RETURN(Measures measures, our_turn ? ours() : baseline());
      std::fprintf(stderr, "    %s %.3f\n", our_turn ? "ours    " : "baseline", measures.at(0));
      (our_turn ? pairs.ours : pairs.baseline).push_back(std::move(measures));
    }
  }
  return pairs;
}

}  // namespace syncline::bench
