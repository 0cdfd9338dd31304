// One connection to the benchmark's PostgreSQL, for work that is not timed and for the timed
// baselines.
//
// For use by one thread at a time. Errors: INTERNAL with PostgreSQL's message.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct pg_conn;
struct pg_result;

namespace syncline::bench {

class Database {
 public:
  static absl::StatusOr<std::unique_ptr<Database>> Connect(const std::string& dsn);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs one or more statements.
  absl::Status Execute(const std::string& sql);
  // Returns the first column of the first row, or "" if it is NULL or there is no row.
  absl::StatusOr<std::string> Value(const std::string& sql);
  absl::StatusOr<int64_t> Integer(const std::string& sql);
  // Returns the first column of all rows.
  absl::StatusOr<std::vector<std::string>> Column(const std::string& sql);

  // Prepares a statement that is then executed with text parameters.
  absl::Status Prepare(const std::string& name, const std::string& sql);
  absl::Status ExecutePrepared(const std::string& name, const std::vector<const char*>& values);

 private:
  using Result = std::unique_ptr<pg_result, void (*)(pg_result*)>;
  explicit Database(pg_conn* connection) : connection_(connection) {}
  absl::StatusOr<Result> Run(const std::string& sql);
  absl::StatusOr<Result> Check(pg_result* result, const std::string& sql);

  pg_conn* const connection_;
};

}  // namespace syncline::bench
