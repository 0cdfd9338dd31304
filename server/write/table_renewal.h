// Copies a table whose dropped columns leave no room for the stream's new ones into a new table,
// which takes its place by the swap.
//
// Blocking; safe from any thread.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "server/model/schema_change.h"
#include "server/model/sync_record.h"
#include "server/write/loaders/stream_loader.h"

namespace syncline::write {

// Returns whether the changes of a table require that it is renewed. The copy is created where
// staging tables are.
bool NeedsCopy(const std::vector<SchemaChange>& changes);

// Renews the target if the stream's plan has announced it and it is still needed; the stream's
// columns are added afterwards, by the usual evolution. The rows are copied in the transaction of
// the swap, during which other writers of the table wait; readers wait as they do for any swap.
// Call it outside of a transaction, before the target is evolved. Errors: those of OverwriteTable
// and of the database.
absl::Status RenewTable(const LoaderContext& context, const StreamEntry& stream);

}  // namespace syncline::write
