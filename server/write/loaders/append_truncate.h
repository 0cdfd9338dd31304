// AppendTruncate: records are staged in the temp table, which takes the final one's place when the
// stream is complete; no reader ever sees a part.
#pragma once

#include "server/write/loaders/stream_loader.h"

namespace syncline::write {

class AppendTruncateLoader : public StreamLoader {
 public:
  AppendTruncateLoader(const LoaderContext& context, const StreamPlan& plan)
      : context_(context), plan_(plan) {}

  LoaderKind kind() const override { return LoaderKind::kAppendTruncate; }
  absl::Status Start() override { return StartReplacement(context_, plan_); }
  // Swaps; or, when the final table is of this generation already, copies into it.
  absl::StatusOr<StreamResult> Complete(const StreamRecord& stream, bool complete,
                                        metrics::StreamMetrics& metrics) override;

 private:
  const LoaderContext context_;
  const StreamPlan plan_;
};

// The rows of the temp table.
absl::StatusOr<int64_t> CountStaged(const LoaderContext& context, const StreamPlan& plan);

// The last step of both truncate loaders: puts the temp table, which has so many rows, in the final
// one's place and ends the stream.
absl::StatusOr<StreamResult> SwapAndFinish(const LoaderContext& context, const StreamRecord& stream,
                                           int64_t rows, metrics::StreamMetrics& metrics);

}  // namespace syncline::write
