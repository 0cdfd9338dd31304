// AppendTruncate: records are staged and replace the target when the stream is complete. Readers
// never see a part of them.
//
//   start       creates staging anew if it is of an older generation, or if this is a restart and
//               it is not; otherwise keeps it, except rows that are sent again
//   COMPLETE    restart without records: target unchanged; restart, or target missing, empty or
//               older: staging takes its place; target of this generation: staging is copied in
//   INCOMPLETE  keeps staging for the resume, or drops it if the caller discards it
//   restart     FROM_START after the generation had completed (model/staging_decision.h)
#pragma once

#include "server/write/loaders/replacement.h"
#include "server/write/loaders/staging_start.h"
#include "server/write/loaders/stream_loader.h"

namespace syncline::write {

class AppendTruncateLoader : public StreamLoader {
 public:
  AppendTruncateLoader(const LoaderContext& context, const StreamPlan& plan)
      : context_(context), plan_(plan) {}

  LoaderKind kind() const override { return LoaderKind::kAppendTruncate; }
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
