// Runs statements on a data connection outside of transactions, for functions that read through a
// Transaction.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// Each statement is a transaction of its own. For use by the thread that uses the connection, which
// must outlive it and must not be in a transaction.
class Autocommit final : public Transaction {
 public:
  explicit Autocommit(Connection* connection) : connection_(connection) {}

  absl::StatusOr<Result> Query(absl::string_view sql, const Params& params) override {
    return connection_->Query(sql, params);
  }
  absl::Status Execute(absl::string_view sql) override { return connection_->Execute(sql); }

 private:
  Connection* const connection_;
};

}  // namespace syncline::postgres
