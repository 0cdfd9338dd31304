// Completion of both truncate loaders: carries out DecideCompletion (model/staging_decision.h).
//
// Blocking; safe from any thread.
#pragma once

#include "absl/status/statusor.h"
#include "server/metrics/metrics.h"
#include "server/model/completion_request.h"
#include "server/model/staging_decision.h"
#include "server/model/sync_record.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/table/initial_status.h"
#include "server/write/loaders/stream_loader.h"

namespace syncline::write {

// Returns the facts for DecideCompletion. Only reads.
absl::StatusOr<CompletionFacts> GatherFacts(const LoaderContext& context,
                                            postgres::Transaction& transaction,
                                            const StreamEntry& stream,
                                            const CompletionRequest& request,
                                            const postgres::InitialStatus& status);

// Ends `stream` as StreamLoader::Complete does. Everything except a replace is one transaction. A
// replace, by a swap or in place (in_place.h), is another one; if it is repeated, it finds what was
// prepared for it. If AUTO chose a swap and it does not get its locks, the table is replaced in
// place.
absl::StatusOr<StreamResult> CompleteReplacement(const LoaderContext& context,
                                                 const StreamEntry& stream,
                                                 const CompletionRequest& request,
                                                 metrics::StreamMetrics& metrics);

}  // namespace syncline::write
