// Dedup: records are staged in the temp table and merged into the final one by primary key at the
// end, whether the stream is complete or not.
#pragma once

#include "server/write/loaders/stream_loader.h"

namespace syncline::write {

class DedupLoader : public StreamLoader {
 public:
  DedupLoader(const LoaderContext& context, const StreamPlan& plan)
      : context_(context), plan_(plan) {}

  LoaderKind kind() const override { return LoaderKind::kDedup; }
  absl::Status Start() override;
  absl::StatusOr<StreamResult> Complete(const StreamRecord& stream, bool complete,
                                        metrics::StreamMetrics& metrics) override;

 private:
  const LoaderContext context_;
  const StreamPlan plan_;
};

// Merges the temp table into the final one and drops it; the rows that came in.
absl::StatusOr<int64_t> MergeAndDrop(const LoaderContext& context,
                                     postgres::Transaction& transaction, const StreamPlan& plan);

}  // namespace syncline::write
