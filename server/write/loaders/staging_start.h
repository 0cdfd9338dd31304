// Prepares the staging table when a stream starts: carries out the decisions of
// model/staging_decision.h.
//
// Blocking. Each function is part of, or makes, one transaction under the table's lock. Earlier
// streams of the table were superseded before, which waited for their commits, so they stage
// nothing any more.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/log.h"
#include "server/model/staging_decision.h"
#include "server/model/stream_plan.h"
#include "server/model/sync_record.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/ledger/staging_ledger.h"
#include "server/postgres/table/initial_status.h"
#include "server/postgres/table/table_operations.h"
#include "server/write/loaders/stream_loader.h"

namespace syncline::write {

// Returns the facts about the staging table of the plan's target.
absl::StatusOr<StagingFacts> GatherStaging(const LoaderContext& context,
                                           postgres::Transaction& transaction,
                                           const StreamPlan& plan,
                                           const postgres::TableStatus& temp);

// Returns the generations of the rows of the staging table, which must exist: that of the ledger's
// mark if the rows do not have it.
absl::StatusOr<postgres::GenerationBounds> GetStagedGenerations(postgres::Transaction& transaction,
                                                                const postgres::Ledger& ledger,
                                                                const StreamPlan& plan);

// Returns what a stream requests of staging. `completed`: its table has completed in its
// generation.
StagingRequest MakeStagingRequest(const StreamPlan& plan, bool completed);

// The same, with `completed` from the ledger.
absl::StatusOr<StagingRequest> GatherStagingRequest(const LoaderContext& context,
                                                    postgres::Transaction& transaction,
                                                    const StreamPlan& plan);

// Deletes the staged rows of `tails`, which the source sends again. Their number is reported in the
// log and in a warning STAGED_ROWS_REPLAYED.
absl::Status PruneStaged(postgres::Transaction& transaction,
                         const std::vector<postgres::WriterTail>& tails, StreamEntry* stream);

// Starts a stream of a loader that stages: keeps the staging table, except rows that are sent
// again, or creates it anew. `stream` is changed only when the transaction has committed.
absl::Status StartStaged(const LoaderContext& context, const StreamPlan& plan, StreamEntry* stream);

// Logs `rows`, unless it is 0, with `code` in lower case as the event, and adds the warning "`rows`
// rows `what`" with that code. It replaces an earlier one, because an interrupted start is
// repeated.
void WarnOfRows(LogLevel level, const std::string& code, int64_t rows, absl::string_view what,
                StreamEntry* stream);

}  // namespace syncline::write
