// Dedup: records are staged and merged into the target by primary key at the end, whether the
// stream is complete or not.
//
//   start       creates staging, or keeps it except rows that are sent again
//   COMPLETE    creates or evolves the target, merges staging into it and drops staging
//   INCOMPLETE  the same; instead drops staging if the caller discards it
//   restart     never
#pragma once

#include <vector>

#include "server/postgres/table/undeclared_columns.h"
#include "server/write/loaders/loader_steps.h"
#include "server/write/loaders/staging_start.h"
#include "server/write/loaders/stream_loader.h"

namespace syncline::write {

class DedupLoader : public StreamLoader {
 public:
  DedupLoader(const LoaderContext& context, const StreamPlan& plan)
      : context_(context), plan_(plan) {}

  LoaderKind kind() const override { return LoaderKind::kDedup; }
  absl::Status Start(StreamEntry* stream) override { return StartStaged(context_, plan_, stream); }
  absl::StatusOr<StreamResult> Complete(const StreamEntry& stream, const CompletionRequest& request,
                                        metrics::StreamMetrics& metrics) override;

 private:
  // Merges the staged rows into the target, in the transaction that ends the stream. With
  // `may_evolve` it does nothing if the target's definition must be changed first.
  absl::StatusOr<CompletionStep> Merge(postgres::Transaction& transaction,
                                       const StreamEntry& stream,
                                       const postgres::InitialStatus& status, bool may_evolve,
                                       StreamResult* result) const;

  const LoaderContext context_;
  const StreamPlan plan_;
};

// Merges the staging table into the target, which MakeTarget has prepared for `undeclared`, drops
// it, and returns the number of rows written.
absl::StatusOr<int64_t> MergeAndDrop(const LoaderContext& context,
                                     postgres::Transaction& transaction, const StreamPlan& plan,
                                     const std::vector<postgres::UndeclaredColumn>& undeclared);

}  // namespace syncline::write
