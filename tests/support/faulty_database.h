// A database that becomes unavailable at a chosen moment, for tests of what a crash leaves behind.
//
// Wraps a real database. Every statement is one event and every COMMIT is two: lost before it took
// effect, and its answer lost after it took effect (COMMIT_UNKNOWN). At the chosen event the
// running transaction is rolled back, or stays committed, and from then on every call fails with
// UNAVAILABLE until Recover. For speed, commits do not wait for the disk. Used by one thread.
#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "server/postgres/connection/database.h"

namespace syncline::testing {

class FaultyDatabase : public postgres::Database {
 public:
  explicit FaultyDatabase(postgres::Database* real) : real_(real) {}

  // Becomes unavailable at the `event`th event from now; the first is 1.
  void CrashAt(int64_t event);
  void Recover();
  // Returns how many events are left until the database becomes unavailable.
  int64_t events_left() const { return events_left_; }
  bool crashed() const { return crashed_; }

  absl::Status Transact(absl::FunctionRef<absl::Status(postgres::Transaction&)> body,
                        const postgres::TransactOptions& options) override;
  using postgres::Database::Transact;
  absl::Status ExecuteAlone(absl::string_view sql) override;
  absl::Status Ping() override;
  Usage usage() const override { return real_->usage(); }

 private:
  class FaultyTransaction;

  // Counts one event. Returns true if the database is unavailable.
  bool Strike();

  postgres::Database* const real_;
  int64_t events_left_ = 0;  // 0: no crash is scheduled
  bool crashed_ = false;
};

}  // namespace syncline::testing
