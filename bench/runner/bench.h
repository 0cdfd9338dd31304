// The environment of every scenario: database, data, programs, and the number of repetitions.
//
// For use by one thread. A scenario ends at the first error of any of these functions.
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
  std::string psql;       // the binary itself, because Debian's wrapper takes time
  std::string directory;  // for data and logs
  int64_t records = 1'000'000;
  int repetitions = 5;
  absl::Duration limit = absl::InfiniteDuration();  // per scenario, for its repetitions
  bool full = false;                                // includes the largest table of growth-table
};

// The results of one run, in an order that its scenario defines.
using Measures = std::vector<double>;

// Alternating runs: the i-th run of ours and the i-th of the baseline ran one after the other.
struct Pairs {
  std::vector<Measures> ours;
  std::vector<Measures> baseline;

  static std::vector<double> Pick(const std::vector<Measures>& runs, size_t measure);
};

class Bench {
 public:
  // Connects to the database. The postmaster must run on this machine.
  static absl::StatusOr<std::unique_ptr<Bench>> Create(BenchOptions options);

  const BenchOptions& options() const { return options_; }
  Database& database() { return *database_; }
  pid_t postmaster() const { return postmaster_; }

  absl::StatusOr<std::unique_ptr<ServerUnderTest>> StartServer(
      const std::vector<std::string>& flags = {}) const;

  // Returns the path of a file in this run's directory.
  std::string Path(const std::string& name) const { return options_.directory + "/" + name; }
  absl::Status WriteFile(const std::string& name, const std::string& content) const;

  // Returns the file with these records. Writes it if it does not exist.
  absl::StatusOr<std::string> DataFile(const RecordShape& shape, RecordFormat format,
                                       const Slice& slice);

  absl::StatusOr<ProgramEnd> Run(const ProgramOptions& options) const;
  // Runs psql with these commands in one session and measures its time.
  absl::StatusOr<ProgramEnd> Psql(const std::vector<std::string>& commands) const;

  // Returns the name of an empty schema that this run has not used before. If `create` is false,
  // the first load creates it.
  absl::StatusOr<std::string> FreshSchema(bool create);
  absl::Status DropSchema(const std::string& schema);
  // Called before each timed run, so that no earlier run's data is still being written.
  absl::Status Checkpoint() { return database_->Execute("CHECKPOINT"); }

  // Runs each function once to warm up, then repeats both in pairs, in which ours alternately runs
  // first and second. Stops early, after a complete pair, once `share` of the scenario's time limit
  // has passed.
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
