#include "server/write/loaders/stream_loader.h"

#include "server/write/loaders/append.h"
#include "server/write/loaders/append_truncate.h"
#include "server/write/loaders/dedup.h"
#include "server/write/loaders/dedup_truncate.h"

namespace syncline::write {

std::unique_ptr<StreamLoader> CreateStreamLoader(const LoaderContext& context,
                                                 const StreamPlan& plan) {
  switch (plan.loader) {
    case LoaderKind::kAppend:
      return std::make_unique<AppendLoader>(context, plan);
    case LoaderKind::kDedup:
      return std::make_unique<DedupLoader>(context, plan);
    case LoaderKind::kAppendTruncate:
      return std::make_unique<AppendTruncateLoader>(context, plan);
    case LoaderKind::kDedupTruncate:
      return std::make_unique<DedupTruncateLoader>(context, plan);
  }
  return nullptr;
}

}  // namespace syncline::write
