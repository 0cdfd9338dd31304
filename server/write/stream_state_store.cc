#include "server/write/stream_state_store.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "server/postgres/connection/durable_commit.h"
#include "server/postgres/connection/lock_policy.h"
#include "server/postgres/connection/lock_timeout.h"
#include "server/postgres/ledger/checkpoint_numbers.h"
#include "server/postgres/ledger/checkpoint_states.h"
#include "server/postgres/ledger/ledger_errors.h"
#include "server/postgres/ledger/retention.h"
#include "server/postgres/ledger/take_over.h"
#include "server/write/write_errors.h"

namespace syncline::write {
namespace {

// How long CancelSync waits for a StartSync of the same sync, or for commits of its calls, in total
// and at a time. In between it gives back its connection, of which there are few.
constexpr absl::Duration kCancelDeadline = absl::Seconds(10);
constexpr absl::Duration kCancelLockTimeout = absl::Seconds(2);

// A note that has to wait longer is left out.
constexpr absl::Duration kNoteLockTimeout = absl::Seconds(1);

// How often opening a writer is tried while another transaction holds its row. Each try waits for
// the lock_timeout of its connection.
constexpr int kClaimTries = 2;

// Runs `body(transaction)`, which returns StatusOr<T>, in a transaction and returns its value.
template <typename Body>
auto InTransaction(postgres::Database* database, const postgres::TransactOptions& options,
                   Body body) {
  decltype(body(std::declval<postgres::Transaction&>())) value =
      absl::InternalError("the transaction did not run");
  const absl::Status status = database->Transact(
      [&](postgres::Transaction& transaction) {
        value = body(transaction);
        return value.status();
      },
      options);
  if (!status.ok()) value = status;
  return value;
}

// For updates that are made again if a crash of the database loses them.
constexpr postgres::TransactOptions NotDurable() { return {.durable = false}; }
// A page of checkpoints makes their numbers durable before it is sent (checkpoint_reader.h), so
// nothing waits for a standby before that.
constexpr postgres::TransactOptions WithoutStandby() { return {.wait_for_standby = false}; }

}  // namespace

absl::StatusOr<SyncEntry> StreamStateStore::GetSync(absl::string_view sync_id) {
  return InTransaction(database_, {}, [&](postgres::Transaction& transaction) {
    return ledger_->GetSync(transaction, sync_id);
  });
}

absl::StatusOr<SyncEntry> StreamStateStore::GetSummary(absl::string_view sync_id) {
  return InTransaction(database_, {}, [&](postgres::Transaction& transaction) {
    return ledger_->GetSummary(transaction, sync_id);
  });
}

absl::StatusOr<std::string> StreamStateStore::GetOwner(absl::string_view sync_id) {
  return InTransaction(database_, {}, [&](postgres::Transaction& transaction) {
    return ledger_->GetOwner(transaction, sync_id);
  });
}

absl::StatusOr<std::vector<SyncEntry>> StreamStateStore::ListSyncs(const SyncQuery& query) {
  return InTransaction(database_, {}, [&](postgres::Transaction& transaction) {
    return ledger_->ListSyncs(transaction, query);
  });
}

absl::StatusOr<SyncEntry> StreamStateStore::CancelSync(absl::string_view sync_id) {
  const std::string key = absl::StrCat("sync/", sync_id);
  postgres::LockPolicy policy;
  policy.timeout = kCancelLockTimeout;
  policy.deadline = kCancelDeadline;
  SyncEntry cancelled;
  SYNCLINE_RETURN_IF_ERROR(postgres::TransactUnderPolicy(
      *database_, policy, {.tables = {}, .need = postgres::LockNeed::kNone, .keys = {key}},
      [&](postgres::Transaction& transaction) -> absl::Status {
        SYNCLINE_RETURN_IF_ERROR(postgres::LimitLockWaits(transaction, policy));
        SYNCLINE_RETURN_IF_ERROR(ledger_->Lock(transaction, key));
        SYNCLINE_ASSIGN_OR_RETURN(const SyncEntry sync, ledger_->GetSummary(transaction, sync_id));
        SYNCLINE_RETURN_IF_ERROR(ledger_->CancelSync(transaction, sync.sync_no));
        SYNCLINE_ASSIGN_OR_RETURN(cancelled, ledger_->GetSummary(transaction, sync_id));
        return absl::OkStatus();
      }));
  changed_.Ended(cancelled.sync_no);
  return cancelled;
}

absl::StatusOr<ClaimedWriter> StreamStateStore::ClaimWriter(int64_t sync_no, int64_t stream_no,
                                                            absl::string_view writer_id,
                                                            std::optional<int64_t> expected_epoch) {
  absl::StatusOr<ClaimedWriter> claimed = WriterBusy(writer_id);
  for (int tries = 0; tries < kClaimTries; ++tries) {
    claimed = claims_.Claim(sync_no, stream_no, writer_id, expected_epoch);
    if (!postgres::IsLockTimeout(claimed.status())) return claimed;
  }
  return WriterBusy(writer_id);
}

void StreamStateStore::ReleaseWriter(const WriterClaim& claim, const absl::Status& end) {
  if (claims_.Release(claim, end).ok()) return;
  MutexLock lock(&mutex_);
  unreleased_.push_back({claim, end});
}

absl::Status StreamStateStore::RenewLease(absl::Duration lease) {
  SYNCLINE_RETURN_IF_ERROR(lease_database_->Transact([&](postgres::Transaction& transaction) {
    return ledger_->RenewServerLease(transaction, server_id_, lease);
  }));
  SYNCLINE_RETURN_IF_ERROR(lease_database_->Transact(
      [this](postgres::Transaction& transaction) { return claims_.ClearUnheld(transaction); },
      NotDurable()));
  ReleaseAgain();
  return absl::OkStatus();
}

void StreamStateStore::ReleaseAgain() {
  std::deque<UnreleasedClaim> claims;
  {
    MutexLock lock(&mutex_);
    claims.swap(unreleased_);
  }
  while (!claims.empty()) {
    const UnreleasedClaim first = std::move(claims.front());
    claims.pop_front();
    if (claims_.Release(first.claim, first.end).ok()) continue;
    // It may have waited for a lock. The lease must not lapse because of many such waits, so the
    // others follow at the next renewal, before this one.
    claims.push_back(first);
    break;
  }
  MutexLock lock(&mutex_);
  unreleased_.insert(unreleased_.begin(), claims.begin(), claims.end());
}

absl::Status StreamStateStore::DropLease() {
  return lease_database_->Transact([&](postgres::Transaction& transaction) {
    return ledger_->DropServerLease(transaction, server_id_);
  });
}

absl::StatusOr<StreamEntry> StreamStateStore::BeginCompletion(int64_t stream_no,
                                                              const CompletionRequest& request) {
  return InTransaction(
      database_, {}, [&](postgres::Transaction& transaction) -> absl::StatusOr<StreamEntry> {
        SYNCLINE_ASSIGN_OR_RETURN(const StreamState state,
                                  ledger_->LockStreamState(transaction, stream_no));
        if (HasEnded(state)) return ledger_->LockStream(transaction, stream_no);
        if (state == StreamState::kCancelled) return postgres::SyncCancelled();
        SYNCLINE_ASSIGN_OR_RETURN(const std::vector<std::string> open,
                                  ledger_->FindOpenWriters(transaction, stream_no));
        if (!open.empty()) return WritersActive(open);
        // Fencing waits for the commits of writers that count as dead. What they have committed is
        // known only after that.
        SYNCLINE_ASSIGN_OR_RETURN(const std::vector<std::string> gaps,
                                  ledger_->BeginFinalize(transaction, stream_no));
        SYNCLINE_ASSIGN_OR_RETURN(StreamEntry stream, ledger_->LockStream(transaction, stream_no));
        int64_t committed = 0;
        for (const WriterPosition& writer : stream.writers) committed += writer.durable_offset;
        if (request.expected_records.has_value() && *request.expected_records != committed) {
          return CountMismatch(*request.expected_records, committed);
        }
        if (request.complete && !gaps.empty()) return OffsetsMissing(gaps);
        return stream;
      });
}

absl::StatusOr<StreamEntry> StreamStateStore::GetStream(int64_t stream_no) {
  return InTransaction(database_, {}, [&](postgres::Transaction& transaction) {
    return ledger_->GetStream(transaction, stream_no);
  });
}

absl::StatusOr<StreamEntry> StreamStateStore::GetDurableStream(int64_t stream_no) {
  return InTransaction(database_, {},
                       [&](postgres::Transaction& transaction) -> absl::StatusOr<StreamEntry> {
                         SYNCLINE_RETURN_IF_ERROR(postgres::MakeReadsDurable(transaction));
                         return ledger_->GetStream(transaction, stream_no);
                       });
}

absl::StatusOr<StreamEntry> StreamStateStore::GetSettledStream(int64_t stream_no) {
  return InTransaction(database_, {}, [&](postgres::Transaction& transaction) {
    return ledger_->LockStream(transaction, stream_no);
  });
}

absl::Status StreamStateStore::NoteFailure(int64_t stream_no, const absl::Status& failure) {
  return database_->Transact(
      [&](postgres::Transaction& transaction) {
        return ledger_->NoteFailure(transaction, stream_no, failure);
      },
      {.lock_timeout = kNoteLockTimeout});
}

absl::Status StreamStateStore::GetCancellationError(const StreamPlan& plan) {
  return database_->Transact([&](postgres::Transaction& transaction) {
    return postgres::GetCancellationError(transaction, *ledger_, plan);
  });
}

absl::StatusOr<RejectedPage> StreamStateStore::ListRejected(const RejectedQuery& query) {
  return InTransaction(
      database_, {}, [&](postgres::Transaction& transaction) -> absl::StatusOr<RejectedPage> {
        SYNCLINE_ASSIGN_OR_RETURN(const SyncEntry sync,
                                  ledger_->GetSummary(transaction, query.sync_id));
        const bool known =
            !query.stream.has_value() ||
            std::any_of(sync.streams.begin(), sync.streams.end(), [&](const StreamEntry& stream) {
              return stream.plan.descriptor == *query.stream;
            });
        if (!known) return UnknownStream(*query.stream);
        return ledger_->ListRejected(transaction, query);
      });
}

absl::Status StreamStateStore::AnnounceChanges() {
  const ChangedSyncs::Changes changes = changed_.Take();
  if (changes.empty()) return absl::OkStatus();
  postgres::CheckpointNumbering numbering;
  absl::Status status;
  if (!changes.to_number.empty()) {
    status = background_database_->Transact(
        [&](postgres::Transaction& transaction) -> absl::Status {
          SYNCLINE_ASSIGN_OR_RETURN(
              numbering, postgres::NumberCheckpoints(transaction, ledger_->quoted_schema(),
                                                     changes.to_number));
          return absl::OkStatus();
        },
        WithoutStandby());
  }
  if (!status.ok()) {
    changed_.PutBack(changes);
    return status;
  }
  changed_.Settle(changes, numbering, absl::Now());
  std::set<int64_t> announced(changes.to_announce.begin(), changes.to_announce.end());
  announced.insert(numbering.numbered.begin(), numbering.numbered.end());
  const std::vector<int64_t> sync_nos(announced.begin(), announced.end());
  if (sync_nos.empty()) return absl::OkStatus();
  status = background_database_->Transact(
      [&](postgres::Transaction& transaction) { return ledger_->Notify(transaction, sync_nos); },
      NotDurable());
  if (!status.ok()) changed_.PutBack({.to_number = {}, .to_announce = sync_nos});
  return status;
}

absl::StatusOr<postgres::CheckpointNumbering> StreamStateStore::NumberCheckpoints(
    const std::vector<int64_t>& sync_nos) {
  SYNCLINE_ASSIGN_OR_RETURN(postgres::CheckpointNumbering numbering,
                            InTransaction(background_database_, WithoutStandby(),
                                          [&](postgres::Transaction& transaction) {
                                            return postgres::NumberCheckpoints(
                                                transaction, ledger_->quoted_schema(), sync_nos);
                                          }));
  for (const int64_t sync_no : numbering.numbered) changed_.Numbered(sync_no, absl::Now());
  return numbering;
}

absl::Status StreamStateStore::DropRecentStates() {
  const std::vector<int64_t> syncs = changed_.GetRecentlyNumbered(absl::Now());
  return syncs.empty() ? absl::OkStatus() : DropStates(syncs, [] { return true; });
}

absl::Status StreamStateStore::DropAllStates(const std::function<bool()>& proceed) {
  return DropStates(std::nullopt, proceed);
}

absl::Status StreamStateStore::DropStates(const std::optional<std::vector<int64_t>>& sync_nos,
                                          const std::function<bool()>& proceed) {
  int64_t dropped = postgres::kStatesPerTransaction;
  while (dropped >= postgres::kStatesPerTransaction && proceed()) {
    SYNCLINE_RETURN_IF_ERROR(background_database_->Transact(
        [&](postgres::Transaction& transaction) -> absl::Status {
          SYNCLINE_ASSIGN_OR_RETURN(dropped, postgres::DropCheckpointStates(
                                                 transaction, ledger_->quoted_schema(), sync_nos));
          return absl::OkStatus();
        },
        NotDurable()));
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> StreamStateStore::RemoveOldSyncs(absl::Duration age,
                                                         const std::function<bool()>& proceed) {
  return postgres::RemoveOldSyncs(*background_database_, *ledger_, age, proceed);
}

}  // namespace syncline::write
