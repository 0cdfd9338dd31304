// A database per test program, so that programs that run at the same time do not see each other's
// tables, sessions and locks.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace syncline::testing {

// The connection string of a database of this process on the PostgreSQL of `dsn`, which the first
// call creates. Calls with the same `dsn` return the same. The database is dropped when the process
// exits. Not thread-safe.
// Errors: those of connecting and of CREATE DATABASE.
absl::StatusOr<std::string> OwnDatabase(const std::string& dsn);

}  // namespace syncline::testing
