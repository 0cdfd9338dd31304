// One connection to the benchmark's PostgreSQL, for what is not timed and for the baselines that
// are.
//
// One thread at a time. Errors: INTERNAL with what PostgreSQL said.
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

  // One or more statements.
  absl::Status Execute(const std::string& sql);
  // The first column of the first row; "" when that is NULL or there is no row.
  absl::StatusOr<std::string> Value(const std::string& sql);
  absl::StatusOr<int64_t> Integer(const std::string& sql);
  // The rows of the first column.
  absl::StatusOr<std::vector<std::string>> Column(const std::string& sql);

  // A statement that is parsed once and run with text parameters.
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
