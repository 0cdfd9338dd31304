// A table whose dropped columns leave no room for the stream's new ones is copied into a new table,
// which takes its place by the swap.
//
// Blocking; safe from any thread.
#pragma once

#include "absl/status/status.h"
#include "server/model/plan.h"
#include "server/write/loaders/stream_loader.h"

namespace syncline::write {

// Renews the target when the stream's plan has announced it and it is still needed; the stream's
// columns are added afterwards, by the usual evolution. The rows are copied in the transaction of
// the swap, in which other writers of the table wait; readers wait as they do for a swap. To be
// called outside of a transaction, before the target is evolved. Errors: those of OverwriteTable.
absl::Status RenewTable(const LoaderContext& context, const StreamRecord& stream);

}  // namespace syncline::write
