#include "server/postgres/readiness.h"

#include "server/base/log.h"
#include "server/postgres/ledger/ledger_schema.h"

namespace syncline::postgres {

bool Readiness::Check() {
  const absl::Status status =
      migrated_ ? database_->Ping() : MigrateLedger(*database_, ledger_schema_);
  migrated_ = migrated_ || status.ok();
  if (last_ != status.ok()) {
    if (status.ok()) {
      Log(LogLevel::kInfo, "database_reached");
    } else {
      Log(LogLevel::kError, "database_unreachable").Error(status);
    }
  }
  last_ = status.ok();
  return status.ok();
}

}  // namespace syncline::postgres
