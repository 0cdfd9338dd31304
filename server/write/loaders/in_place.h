// The end of a replace in place: the target follows the stream's schema, its rows are replaced in
// one transaction with the statements of the ledger, and what depends on it is brought up to date.
//
// Blocking; safe from any thread.
#pragma once

#include "absl/status/statusor.h"
#include "server/metrics/metrics.h"
#include "server/model/completion_request.h"
#include "server/model/replace_strategy.h"
#include "server/model/sync_record.h"
#include "server/write/loaders/stream_loader.h"

namespace syncline::write {

// Replaces the rows of `stream`'s target, which exists, with the staged ones, which are
// deduplicated and have passed the guard, and ends the stream. A crash at any statement leaves the
// old rows or the new ones; repeated, it finds the stream ended. After the commit nothing can fail:
// the table is vacuumed, materialized views are refreshed and old kept tables dropped as far as
// possible. Errors: ABORTED LOCK_NOT_AVAILABLE with RetryInfo, SUPERSEDED; those of ReplaceRows
// (in_place.h of postgres/swap/) and of Database::Transact.
absl::StatusOr<StreamResult> FinishInPlace(const LoaderContext& context, const StreamEntry& stream,
                                           const CompletionRequest& request,
                                           const StrategyChoice& choice,
                                           metrics::StreamMetrics& metrics);

}  // namespace syncline::write
