// What every scenario works with: the database, the data, the programs and how often to repeat.
//
// One thread. Errors of all its functions end the scenario.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bench/data/record_text.h"
#include "bench/runner/database.h"
#include "bench/runner/program.h"
#include "bench/runner/server_under_test.h"

namespace syncline::bench {

struct BenchOptions {
  std::string dsn;
  std::string psql;       // the program itself: Debian's wrapper takes time of its own
  std::string directory;  // for data and logs
  int64_t records = 1'000'000;
  int repetitions = 5;
  absl::Duration limit = absl::InfiniteDuration();  // of a scenario's repetitions
  bool full = false;                                // the largest table of growth-table, too
};

// What one run measured, in an order that its scenario knows.
using Measures = std::vector<double>;

// Runs in turns: the i-th of ours and of the baseline ran one after the other.
struct Pairs {
  std::vector<Measures> ours;
  std::vector<Measures> baseline;

  static std::vector<double> Pick(const std::vector<Measures>& runs, size_t measure);
};

class Bench {
 public:
  // Connects. The postmaster must run on this machine.
  static absl::StatusOr<std::unique_ptr<Bench>> Create(BenchOptions options);

  const BenchOptions& options() const { return options_; }
  Database& database() { return *database_; }
  pid_t postmaster() const { return postmaster_; }

  absl::StatusOr<std::unique_ptr<ServerUnderTest>> StartServer(
      const std::vector<std::string>& flags = {}) const;

  // A file of this run.
  std::string Path(const std::string& name) const { return options_.directory + "/" + name; }
  absl::Status WriteFile(const std::string& name, const std::string& content) const;

  // The file of such records; written when it is not there yet.
  absl::StatusOr<std::string> DataFile(const RecordShape& shape, RecordFormat format,
                                       const Slice& slice);

  absl::StatusOr<ProgramEnd> Run(const ProgramOptions& options) const;
  // psql with these commands in one session, timed.
  absl::StatusOr<ProgramEnd> Psql(const std::vector<std::string>& commands) const;

  // An empty schema of a name that no run had before; made by whoever loads first when `create` is
  // false.
  absl::StatusOr<std::string> FreshSchema(bool create);
  absl::Status DropSchema(const std::string& schema);
  // Before each timed run: nothing that ran before is still being written.
  absl::Status Checkpoint() { return database_->Execute("CHECKPOINT"); }

  // One warm-up of each, then repetitions in turns, ours first and second by turns; stops early,
  // after a whole pair, when `share` of the scenario's limit is reached.
  absl::StatusOr<Pairs> Alternate(absl::FunctionRef<absl::StatusOr<Measures>()> ours,
                                  absl::FunctionRef<absl::StatusOr<Measures>()> baseline,
                                  double share = 1) const;

 private:
  explicit Bench(BenchOptions options) : options_(std::move(options)) {}

  const BenchOptions options_;
  std::unique_ptr<Database> database_;
  pid_t postmaster_ = 0;
  int schemas_ = 0;
};

}  // namespace syncline::bench
