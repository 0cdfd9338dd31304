// The baseline of small commits: an INSERT of one record that commits by itself, on a connection of
// its own.
//
// For use by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/data/record_shape.h"
#include "bench/runner/database.h"

namespace syncline::bench {

class InsertBaseline {
 public:
  // Creates a table for records of `shape` with Syncline's meta columns.
  static absl::Status CreateTable(Database& database, const std::string& table,
                                  const RecordShape& shape);

  // Connects and prepares the INSERT.
  static absl::StatusOr<std::unique_ptr<InsertBaseline>> Create(const std::string& dsn,
                                                                const std::string& table,
                                                                const RecordShape& shape);

  // Inserts record `number` and returns how long the INSERT took, in milliseconds.
  absl::StatusOr<double> Insert(int64_t number);

 private:
  InsertBaseline(std::unique_ptr<Database> database, const RecordShape& shape)
      : database_(std::move(database)), shape_(shape) {}

  const std::unique_ptr<Database> database_;
  const RecordShape& shape_;
};

}  // namespace syncline::bench
