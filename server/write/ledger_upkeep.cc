#include "server/write/ledger_upkeep.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "base/log.h"

namespace syncline::write {
namespace {

constexpr absl::Duration kPauseAfterFailure = absl::Seconds(1);
constexpr absl::Duration kSweepInterval = absl::Hours(1);
constexpr absl::Duration kSweepRetry = absl::Minutes(1);

// An unreachable database is logged by its health check.
void LogFailure(const char* event, const absl::Status& status) {
  if (!absl::IsUnavailable(status)) Log(LogLevel::kWarning, event).Error(status);
}

}  // namespace

void LedgerUpkeep::Announce() {
  const absl::Time now = absl::Now();
  if (now < announce_at_) return;
  const absl::Status announced = store_->AnnounceChanges();
  if (announced.ok()) return;
  LogFailure("changes_not_announced", announced);
  announce_at_ = now + kPauseAfterFailure;
}

void LedgerUpkeep::Tidy() {
  const absl::Time now = absl::Now();
  if (now >= sweep_at_) {
    sweep_at_ = now + (Sweep() ? kSweepInterval : kSweepRetry);
    return;
  }
  const absl::Status dropped = store_->DropRecentStates();
  if (!dropped.ok()) LogFailure("states_not_dropped", dropped);
}

bool LedgerUpkeep::Sweep() {
  // First, because a sync that has left one is not removed.
  const absl::Status tables =
      options_.drop_meta_defaults == nullptr ? absl::OkStatus() : options_.drop_meta_defaults();
  if (!tables.ok()) LogFailure("meta_default_not_dropped", tables);
  absl::Status swept = store_->DropAllStates(options_.proceed);
  if (swept.ok() && options_.retention > absl::ZeroDuration()) {
    const absl::StatusOr<int64_t> removed =
        store_->RemoveOldSyncs(options_.retention, options_.proceed);
    swept = removed.status();
    if (removed.ok() && *removed > 0) {
      Log(LogLevel::kInfo, "syncs_removed").Field("syncs", *removed);
    }
  }
  if (!swept.ok()) LogFailure("ledger_not_swept", swept);
  const absl::Status finished =
      options_.finish_swaps == nullptr ? absl::OkStatus() : options_.finish_swaps();
  if (!finished.ok()) LogFailure("swap_not_finished", finished);
  return swept.ok();
}

}  // namespace syncline::write
