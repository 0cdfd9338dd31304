// What the ledger knows of a table's staging table, and of the rows in it that a source will send
// again.
//
// Statements on a running transaction that holds the table's lock. Stateless: safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/plan.h"
#include "server/model/raw_id.h"
#include "server/model/stream.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/ledger.h"

namespace syncline::postgres {

// The latest start of a stream that stages for a table.
struct StagingMark {
  int64_t generation_id = 0;
  bool restart = false;  // what is staged replaces its generation whole
};

// `table` is always the target, not the staging table.
absl::StatusOr<std::optional<StagingMark>> GetStagingMark(Transaction& transaction,
                                                          const Ledger& ledger,
                                                          const TableName& table);
absl::Status SetStagingMark(Transaction& transaction, const Ledger& ledger, const TableName& table,
                            const StagingMark& mark);
// To be called in the transaction that drops or publishes the staging table.
absl::Status ClearStagingMark(Transaction& transaction, const Ledger& ledger,
                              const TableName& table);

// Whether a stream of the table has completed in the generation, and the table was not dropped
// since.
absl::StatusOr<bool> HasCompletedGeneration(Transaction& transaction, const Ledger& ledger,
                                            const TableName& table, int64_t generation_id);

// A writer of an earlier sync with records after its last committed checkpoint.
struct WriterTail {
  std::string sync_id;
  StreamDescriptor descriptor;
  std::string writer_id;
  int64_t checkpoint_offset = 0;  // 0 when the writer has no committed checkpoint
  int64_t rows = 0;               // written from that offset on
  bool staged = false;            // into the staging table, else into the target
};

// The tails of streams of `table` that started before `stream_no`, did not complete and did not
// publish their rows, later than the last one that did complete. Where a sync has checkpoints that
// cover several writers, the newest of them that is committed counts, too.
absl::StatusOr<std::vector<WriterTail>> FindWriterTails(Transaction& transaction,
                                                        const Ledger& ledger,
                                                        const TableName& table, int64_t stream_no);

// A column that some streams of the table declared, which may have staged values for it, and others
// did not.
struct StagedColumn {
  std::string name;
  std::vector<RawIdRange> absent;  // the rows of writers whose streams do not declare it
};

// Those of the plan's stream and of the streams that FindWriterTails would look at. Rows of the
// plan's own stream are among the absent; a plan that is not in the ledger yet has no number.
absl::StatusOr<std::vector<StagedColumn>> FindStagedColumns(Transaction& transaction,
                                                            const Ledger& ledger,
                                                            const StreamPlan& plan);

// The ids of all rows that the stream may have written, one range per writer.
absl::StatusOr<std::vector<RawIdRange>> FindRawIds(Transaction& transaction, const Ledger& ledger,
                                                   int64_t stream_no);

// Writes what the stream's start decided: changes, warnings, error, guard, restart, staged_alone.
absl::Status NoteStart(Transaction& transaction, const Ledger& ledger, const StreamRecord& stream);

}  // namespace syncline::postgres
