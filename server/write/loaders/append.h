// Append: records go to the target and are visible as blocks commit.
//
//   start       the target is created or evolved; rows that an earlier dedup or cancelled replace
//               staged, without those that come again, are copied into it and staging is dropped
//   COMPLETE    the rows are there already
//   INCOMPLETE  the same; visible rows are never deleted
//   restart     never: a warning ROWS_AFTER_CHECKPOINT counts what may come twice
#pragma once

#include <vector>

#include "server/postgres/table/undeclared_columns.h"
#include "server/write/loaders/stream_loader.h"

namespace syncline::write {

class AppendLoader : public StreamLoader {
 public:
  AppendLoader(const LoaderContext& context, const StreamPlan& plan)
      : context_(context), plan_(plan) {}

  LoaderKind kind() const override { return LoaderKind::kAppend; }
  absl::Status Start(StreamRecord* stream) override;
  absl::StatusOr<StreamResult> Complete(const StreamRecord& stream,
                                        const CompletionRequest& request,
                                        metrics::StreamMetrics& metrics) override;

 private:
  absl::Status StartTarget(postgres::Transaction& transaction,
                           const postgres::InitialStatus& status, StreamRecord* stream) const;
  // Copies the rows of the staging table in and drops it.
  absl::Status TakeInStaged(postgres::Transaction& transaction,
                            const std::vector<postgres::UndeclaredColumn>& undeclared) const;

  const LoaderContext context_;
  const StreamPlan plan_;
};

}  // namespace syncline::write
