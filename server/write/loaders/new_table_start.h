// Starts streams whose tables do not exist yet, many in one transaction.
//
// The result in the catalog, in the ledger and in the streams' entries is the same as that of
// StreamLoader::Start for each of them. Blocking; safe from any thread and any number of replicas.
#pragma once

#include <cstddef>
#include <set>
#include <vector>

#include "server/model/sync_record.h"
#include "server/write/loaders/stream_loader.h"

namespace syncline::write {

// Maximum number of tables that one transaction creates: each takes several locks, of which
// PostgreSQL has max_locks_per_transaction (64) per connection.
inline constexpr size_t kMaxNewTables = 100;

// Returns whether the plan of the stream creates its target, so that StartNewTables may start it.
bool CreatesTarget(const StreamEntry& stream);

// Starts those of `streams` that have neither a target nor a staging table by now, in transactions
// of at most kMaxNewTables tables, and returns them. The others are unchanged: also all streams of
// a transaction that failed, because one of them may be the cause. StreamLoader::Start starts each
// of these, or returns its error. The streams' schemas must exist.
std::set<const StreamEntry*> StartNewTables(const LoaderContext& context,
                                            const std::vector<StreamEntry*>& streams);

}  // namespace syncline::write
