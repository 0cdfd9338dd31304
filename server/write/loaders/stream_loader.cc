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

bool MovesRows(const StreamPlan& plan, const CompletionRequest& request) {
  switch (plan.loader) {
    case LoaderKind::kAppend:
      return request.complete && plan.older_generations == OlderGenerations::kMarkDeleted;
    case LoaderKind::kDedup:
      return true;
    case LoaderKind::kAppendTruncate:
    case LoaderKind::kDedupTruncate:
      return request.complete || request.discard_staged;
  }
  return true;
}

LoaderContext ForCompletion(const LoaderContext& context, bool moves_rows) {
  LoaderContext chosen = context;
  postgres::Database* const other = moves_rows ? context.publish_database : context.end_database;
  if (other != nullptr) chosen.database = other;
  return chosen;
}

}  // namespace syncline::write
