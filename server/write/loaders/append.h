// Append: records go to the final table and are visible as batches commit.
#pragma once

#include "server/write/loaders/stream_loader.h"

namespace syncline::write {

class AppendLoader : public StreamLoader {
 public:
  AppendLoader(const LoaderContext& context, const StreamPlan& plan)
      : context_(context), plan_(plan) {}

  LoaderKind kind() const override { return LoaderKind::kAppend; }
  // A temp table that an earlier dedup or a cancelled replace left is copied in and dropped.
  absl::Status Start() override;
  absl::StatusOr<StreamResult> Complete(const StreamRecord& stream, bool complete,
                                        metrics::StreamMetrics& metrics) override;

 private:
  const LoaderContext context_;
  const StreamPlan plan_;
};

}  // namespace syncline::write
