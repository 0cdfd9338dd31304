#include "server/postgres/ledger/change_feed.h"

#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "base/status_macros.h"

namespace syncline::postgres {

absl::StatusOr<Connection*> ChangeFeed::GetConnection() {
  if (connection_ != nullptr && connection_->usable()) return connection_.get();
  connection_.reset();
  SYNCLINE_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, connections_->OpenUnpooled());
  SYNCLINE_RETURN_IF_ERROR(ledger_->Listen(*connection));
  connection_ = std::move(connection);
  reported_ = false;
  return connection_.get();
}

absl::StatusOr<Changes> ChangeFeed::Wait(absl::Duration timeout) {
  SYNCLINE_ASSIGN_OR_RETURN(Connection* const connection, GetConnection());
  if (!std::exchange(reported_, true)) return Changes{.all = true, .sync_nos = {}};
  absl::StatusOr<std::vector<std::string>> payloads =
      connection->WaitForNotifications(timeout, wake_.descriptor());
  wake_.Clear();
  if (!payloads.ok()) {
    connection_.reset();
    return payloads.status();
  }
  Changes changes;
  for (const std::string& payload : *payloads) {
    int64_t sync_no = 0;
    if (absl::SimpleAtoi(payload, &sync_no)) changes.sync_nos.push_back(sync_no);
  }
  return changes;
}

}  // namespace syncline::postgres
