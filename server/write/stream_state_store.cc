#include "server/write/stream_state_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/postgres/ledger/ledger_errors.h"
#include "server/postgres/ledger/take_over.h"
#include "server/write/write_errors.h"

namespace syncline::write {
namespace {

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

// For updates that a database crash may lose safely, because it also kills every connection that
// could rely on them.
constexpr postgres::TransactOptions NotDurable() { return {.durable = false}; }

}  // namespace

absl::StatusOr<SyncEntry> StreamStateStore::GetSync(absl::string_view sync_id) {
  return InTransaction(database_, {}, [&](postgres::Transaction& transaction) {
    return ledger_->GetSync(transaction, sync_id);
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
  return InTransaction(
      database_, {}, [&](postgres::Transaction& transaction) -> absl::StatusOr<SyncEntry> {
        SYNCLINE_RETURN_IF_ERROR(ledger_->Lock(transaction, absl::StrCat("sync/", sync_id)));
        SYNCLINE_ASSIGN_OR_RETURN(const SyncEntry sync, ledger_->GetSync(transaction, sync_id));
        SYNCLINE_RETURN_IF_ERROR(ledger_->CancelSync(transaction, sync.sync_no));
        return ledger_->GetSync(transaction, sync_id);
      });
}

absl::StatusOr<ClaimedWriter> StreamStateStore::ClaimWriter(int64_t sync_no, int64_t stream_no,
                                                            absl::string_view writer_id) {
  return claims_.Claim(sync_no, stream_no, writer_id, server_id_);
}

void StreamStateStore::ReleaseWriter(const WriterClaim& claim, const absl::Status& end) {
  if (claims_.Release(claim, end).ok()) return;
  MutexLock lock(&mutex_);
  unreleased_.emplace_back(claim, end);
}

absl::Status StreamStateStore::RenewLease(absl::Duration lease) {
  SYNCLINE_RETURN_IF_ERROR(database_->Transact(
      [&](postgres::Transaction& transaction) {
        return ledger_->RenewServerLease(transaction, server_id_, lease);
      },
      NotDurable()));
  std::vector<std::pair<WriterClaim, absl::Status>> claims;
  {
    MutexLock lock(&mutex_);
    claims.swap(unreleased_);
  }
  for (const auto& [claim, end] : claims) ReleaseWriter(claim, end);
  return absl::OkStatus();
}

absl::Status StreamStateStore::DropLease() {
  return database_->Transact(
      [&](postgres::Transaction& transaction) {
        return ledger_->DropServerLease(transaction, server_id_);
      },
      NotDurable());
}

absl::StatusOr<StreamEntry> StreamStateStore::BeginCompletion(int64_t stream_no,
                                                              const CompletionRequest& request) {
  return InTransaction(
      database_, {}, [&](postgres::Transaction& transaction) -> absl::StatusOr<StreamEntry> {
        SYNCLINE_ASSIGN_OR_RETURN(StreamEntry stream, ledger_->LockStream(transaction, stream_no));
        if (HasEnded(stream.state)) return stream;
        if (stream.state == StreamState::kCancelled) return postgres::SyncCancelled();
        SYNCLINE_ASSIGN_OR_RETURN(const std::vector<std::string> open,
                                  ledger_->FindOpenWriters(transaction, stream_no));
        if (!open.empty()) return WritersActive(open);
        // Fencing waits for the commits of writers that count as dead. What they have committed is
        // known only after that.
        SYNCLINE_RETURN_IF_ERROR(ledger_->BeginFinalize(transaction, stream_no));
        SYNCLINE_ASSIGN_OR_RETURN(stream, ledger_->LockStream(transaction, stream_no));
        int64_t committed = 0;
        for (const WriterPosition& writer : stream.writers) committed += writer.durable_offset;
        if (request.expected_records.has_value() && *request.expected_records != committed) {
          return CountMismatch(*request.expected_records, committed);
        }
        SYNCLINE_ASSIGN_OR_RETURN(const std::vector<std::string> gaps,
                                  ledger_->FindWritersWithGaps(transaction, stream_no));
        if (request.complete && !gaps.empty()) return OffsetsMissing(gaps);
        return stream;
      });
}

absl::StatusOr<StreamEntry> StreamStateStore::GetStream(int64_t stream_no) {
  return InTransaction(database_, {}, [&](postgres::Transaction& transaction) {
    return ledger_->LockStream(transaction, stream_no);
  });
}

absl::Status StreamStateStore::NoteFailure(int64_t stream_no, const absl::Status& failure) {
  return database_->Transact([&](postgres::Transaction& transaction) {
    return ledger_->NoteFailure(transaction, stream_no, failure);
  });
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
                                  ledger_->GetSync(transaction, query.sync_id));
        const bool known =
            !query.stream.has_value() ||
            std::any_of(sync.streams.begin(), sync.streams.end(), [&](const StreamEntry& stream) {
              return stream.plan.descriptor == *query.stream;
            });
        if (!known) return UnknownStream(*query.stream);
        return ledger_->ListRejected(transaction, query);
      });
}

absl::StatusOr<std::vector<CommittedCheckpoint>> StreamStateStore::ReadCheckpoints(
    int64_t sync_no, int64_t after_sequence, int limit) {
  return InTransaction(database_, {}, [&](postgres::Transaction& transaction) {
    return ledger_->ReadCheckpoints(transaction, sync_no, after_sequence, limit);
  });
}

}  // namespace syncline::write
