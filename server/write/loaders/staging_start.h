// How a stream's start leaves the staging table: carries out the decisions of
// model/staging_decision.h.
//
// Blocking; each function is a part of, or makes, one transaction under the table's lock. Earlier
// streams of the table were superseded before, which waited for their commits: nothing is staged by
// them any more.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/log.h"
#include "server/model/plan.h"
#include "server/model/staging_decision.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/staging_ledger.h"
#include "server/postgres/table/initial_status.h"
#include "server/write/loaders/stream_loader.h"

namespace syncline::write {

// What is staged for the plan's table.
absl::StatusOr<StagingFacts> GatherStaging(const LoaderContext& context,
                                           postgres::Transaction& transaction,
                                           const StreamPlan& plan,
                                           const postgres::TableStatus& temp);

// What the stream asks for.
absl::StatusOr<StagingRequest> StagingRequestOf(const LoaderContext& context,
                                                postgres::Transaction& transaction,
                                                const StreamPlan& plan);

// Deletes the staged rows of `tails`, which the source sends again. They are counted in the log and
// in a warning STAGED_ROWS_REPLAYED.
absl::Status PruneStaged(postgres::Transaction& transaction,
                         const std::vector<postgres::WriterTail>& tails, StreamRecord* stream);

// Start of the loaders that stage: the staging table is kept, without the rows that come again, or
// made anew. `stream` is changed when the transaction has committed.
absl::Status StartStaged(const LoaderContext& context, const StreamPlan& plan,
                         StreamRecord* stream);

// Logs `rows`, unless there are none, as the event called like `code`, and puts the warning
// "`rows` rows `what`" in place of an earlier one with its code: a start that was interrupted is
// repeated.
void WarnOfRows(LogLevel level, const std::string& code, int64_t rows, absl::string_view what,
                StreamRecord* stream);

}  // namespace syncline::write
