// DedupTruncate: like AppendTruncate, for a stream with a primary key.
//
//   start       as AppendTruncate
//   COMPLETE    as AppendTruncate, but staging is deduplicated before it takes the target's place,
//               and merged by primary key instead of copied
//   INCOMPLETE  keeps staging for the resume, or drops it if the caller discards it
//   restart     FROM_START after the generation had completed (model/staging_decision.h)
#pragma once

#include "server/write/loaders/replacement.h"
#include "server/write/loaders/staging_start.h"
#include "server/write/loaders/stream_loader.h"

namespace syncline::write {

class DedupTruncateLoader : public StreamLoader {
 public:
  DedupTruncateLoader(const LoaderContext& context, const StreamPlan& plan)
      : context_(context), plan_(plan) {}

  LoaderKind kind() const override { return LoaderKind::kDedupTruncate; }
  absl::Status Start(StreamEntry* stream) override { return StartStaged(context_, plan_, stream); }
  absl::StatusOr<StreamResult> Complete(const StreamEntry& stream, const CompletionRequest& request,
                                        metrics::StreamMetrics& metrics) override {
    return CompleteReplacement(context_, stream, request, metrics);
  }

 private:
  const LoaderContext context_;
  const StreamPlan plan_;
};

}  // namespace syncline::write
