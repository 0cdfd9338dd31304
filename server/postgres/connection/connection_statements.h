// Runs statements on a data connection through the interface of control connections, each in a
// transaction of its own, for functions that read the catalog.
//
// Used by one thread.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

class ConnectionStatements final : public Transaction {
 public:
  // `connection` must outlive this object and be outside of a transaction.
  explicit ConnectionStatements(Connection* connection) : connection_(connection) {}

  absl::StatusOr<Result> Query(absl::string_view sql, const Params& params = {}) override {
    return connection_->Query(sql, params);
  }
  absl::Status Execute(absl::string_view sql) override { return connection_->Execute(sql); }

 private:
  Connection* const connection_;
};

}  // namespace syncline::postgres
