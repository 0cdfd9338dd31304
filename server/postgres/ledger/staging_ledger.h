// What the ledger records about a table's staging table, and about rows that a source will send
// again.
//
// Statements in a running transaction that holds the table's lock. Stateless: safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/raw_id.h"
#include "server/model/stream.h"
#include "server/model/stream_plan.h"
#include "server/model/sync_record.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/ledger.h"

namespace syncline::postgres {

// The latest start of a stream that stages rows for a table.
struct StagingMark {
  int64_t generation_id = 0;
  bool restart = false;  // the staged rows replace their whole generation
};

// `table` is always the target, not the staging table.
absl::StatusOr<std::optional<StagingMark>> GetStagingMark(Transaction& transaction,
                                                          const Ledger& ledger,
                                                          const TableName& table);
// Sets the mark of each stream's target from its plan, in one statement.
absl::Status SetStagingMarks(Transaction& transaction, const Ledger& ledger,
                             const std::vector<const StreamEntry*>& streams);
// Call it in the transaction that drops or publishes the staging table.
absl::Status ClearStagingMark(Transaction& transaction, const Ledger& ledger,
                              const TableName& table);

// Returns for each plan whether a stream of its table has completed in its generation and the table
// was not dropped since. One statement.
absl::StatusOr<std::vector<bool>> HaveCompletedGenerations(
    Transaction& transaction, const Ledger& ledger, const std::vector<const StreamPlan*>& plans);
// The same for one table and generation.
absl::StatusOr<bool> HasCompletedGeneration(Transaction& transaction, const Ledger& ledger,
                                            const TableName& table, int64_t generation_id);

// A writer of an earlier sync that has records after its last committed checkpoint.
struct WriterTail {
  std::string sync_id;
  StreamDescriptor descriptor;
  std::string writer_id;
  int64_t checkpoint_offset = 0;  // 0 if the writer has no committed checkpoint
  int64_t rows = 0;               // written from that offset on
  bool staged = false;            // into the staging table, otherwise into the target
};

// Returns the tails of streams of `table` that started before `stream_no`, did not complete, did
// not publish their rows, and are later than the last stream that completed. If a sync has
// checkpoints that cover several writers, the committed one with the writer's highest position
// counts, too.
absl::StatusOr<std::vector<WriterTail>> FindWriterTails(Transaction& transaction,
                                                        const Ledger& ledger,
                                                        const TableName& table, int64_t stream_no);

// A column that some streams of the table declared, so that there may be staged values for it, and
// others did not.
struct StagedColumn {
  std::string name;
  std::vector<RawIdRange> absent;  // the rows of writers whose streams do not declare it
};

// Returns such columns of the plan's stream and of the earlier streams of its table after the last
// one that completed. Rows of the plan's own stream are among the absent ones; a plan that is not
// in the ledger yet has no stream number.
absl::StatusOr<std::vector<StagedColumn>> FindStagedColumns(Transaction& transaction,
                                                            const Ledger& ledger,
                                                            const StreamPlan& plan);

// Returns the ids of all rows that the stream may have written, as one range per writer.
absl::StatusOr<std::vector<RawIdRange>> FindRawIds(Transaction& transaction, const Ledger& ledger,
                                                   int64_t stream_no);

// Stores `restart`, `staged_alone` and `meta_default` of the streams, in one statement.
absl::Status NoteStaging(Transaction& transaction, const Ledger& ledger,
                         const std::vector<const StreamEntry*>& streams);

// Stores what the stream's start decided: changes, warnings, error, guard, restart, staged_alone.
absl::Status NoteStart(Transaction& transaction, const Ledger& ledger, const StreamEntry& stream);

}  // namespace syncline::postgres
