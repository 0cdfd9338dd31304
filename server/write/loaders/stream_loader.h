// StreamLoader: turns one stream's records into the table, from start to completion.
//
// docs/loading.md has the decision tables. Start and Complete are idempotent across a crash at any
// statement, because every step that moves rows is one transaction with the ledger's updates.
// Blocking; called from the pools of StartSync and of completions. Safe from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "server/metrics/metrics.h"
#include "server/model/completion_request.h"
#include "server/model/loader_kind.h"
#include "server/model/stream.h"
#include "server/model/stream_plan.h"
#include "server/model/sync_record.h"
#include "server/postgres/connection/database.h"
#include "server/postgres/connection/lock_policy.h"
#include "server/postgres/ledger/ledger.h"

namespace syncline::write {

// Dependencies and limits shared by all loaders. Every pointer must outlive them.
struct LoaderContext {
  postgres::Database* database = nullptr;
  const postgres::Ledger* ledger = nullptr;
  // How long work on users' tables waits for its locks.
  postgres::LockPolicy locks;
  // SwapOptions::keep_generations of swaps that replace a generation. An in-place replace keeps as
  // many.
  int keep_generations = 0;
  // Returns whether a replace keeps the old rows in another table.
  bool keeps_replaced() const { return keep_generations > 0; }
  // Refuses a type change that rewrites a larger table.
  int64_t max_rewrite_bytes = int64_t{1} << 30;
  // For new tables in a Citus cluster whose streams do not request a distribution.
  NewTableDistribution distribute_new_tables = NewTableDistribution::kOff;
  // Notes that a merge leaves dead rows in a table (MergeVacuum). May be empty.
  std::function<void(const TableName& table, int64_t dead_rows)> note_dead_rows = {};
  // For completions that move rows, and for the others. Null means `database`.
  postgres::Database* publish_database = nullptr;
  postgres::Database* end_database = nullptr;
};

class StreamLoader {
 public:
  virtual ~StreamLoader() = default;

  virtual LoaderKind kind() const = 0;

  // Creates the tables that records go to. Stores what that changed (changes, warnings, whether it
  // is a restart) in `stream`, which is the plan's, and in the ledger. Changes nothing if the
  // stream is no longer kOpen.
  virtual absl::Status Start(StreamEntry* stream) = 0;

  // Finalizes `stream`, which is kFinalizing, and ends it in the ledger as `request` specifies.
  // When it returns OK, the result is in the ledger.
  virtual absl::StatusOr<StreamResult> Complete(const StreamEntry& stream,
                                                const CompletionRequest& request,
                                                metrics::StreamMetrics& metrics) = 0;
};

// Returns the loader of `plan`, which is copied.
std::unique_ptr<StreamLoader> CreateStreamLoader(const LoaderContext& context,
                                                 const StreamPlan& plan);

// Returns whether a completion may move rows, which takes as long as there are rows. Otherwise it
// is a few statements on the ledger.
bool MovesRows(const StreamPlan& plan, const CompletionRequest& request);

// Returns `context` with the database for a completion.
LoaderContext ForCompletion(const LoaderContext& context, bool moves_rows);

}  // namespace syncline::write
