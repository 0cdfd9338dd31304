// Append: records go to the target and are visible as soon as their block is committed.
//
//   start       creates the target, with a default of `_airbyte_meta` until the stream ends
//               (meta_defaults.h), or evolves it; copies into it the rows that an earlier dedup or
//               cancelled replace staged, except those that are sent again, and drops staging
//   COMPLETE    nothing to publish: the rows are in the target already; marks rows of older
//               generations as deleted if the plan says so
//   INCOMPLETE  the same; visible rows are never deleted
//   restart     never; the warning ROWS_AFTER_CHECKPOINT counts rows that may be sent again
#pragma once

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/postgres/table/initial_status.h"
#include "server/postgres/table/undeclared_columns.h"
#include "server/write/loaders/stream_loader.h"

namespace syncline::write {

class AppendLoader : public StreamLoader {
 public:
  AppendLoader(const LoaderContext& context, const StreamPlan& plan)
      : context_(context), plan_(plan) {}

  LoaderKind kind() const override { return LoaderKind::kAppend; }
  absl::Status Start(StreamEntry* stream) override;
  absl::StatusOr<StreamResult> Complete(const StreamEntry& stream, const CompletionRequest& request,
                                        metrics::StreamMetrics& metrics) override;

 private:
  absl::Status StartTarget(postgres::Transaction& transaction,
                           const postgres::InitialStatus& status, StreamEntry* stream) const;
  // Copies the rows of the staging table into the target and drops it.
  absl::Status CopyInStaged(postgres::Transaction& transaction,
                            const std::vector<postgres::UndeclaredColumn>& undeclared) const;
  // Runs `complete`, which marks rows, with the locks of a merge.
  absl::Status CompleteMarking(
      absl::FunctionRef<absl::Status(postgres::Transaction& transaction)> complete) const;

  const LoaderContext context_;
  const StreamPlan plan_;
};

}  // namespace syncline::write
