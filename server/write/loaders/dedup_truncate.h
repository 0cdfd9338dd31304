// DedupTruncate: records are staged, deduplicated within the temp table, which then takes the final
// one's place.
#pragma once

#include "server/write/loaders/stream_loader.h"

namespace syncline::write {

class DedupTruncateLoader : public StreamLoader {
 public:
  DedupTruncateLoader(const LoaderContext& context, const StreamPlan& plan)
      : context_(context), plan_(plan) {}

  LoaderKind kind() const override { return LoaderKind::kDedupTruncate; }
  absl::Status Start() override { return StartReplacement(context_, plan_); }
  absl::StatusOr<StreamResult> Complete(const StreamRecord& stream, bool complete,
                                        metrics::StreamMetrics& metrics) override;

 private:
  const LoaderContext context_;
  const StreamPlan plan_;
};

}  // namespace syncline::write
