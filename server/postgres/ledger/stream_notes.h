// What the ledger notes of a stream beside its plan: changes of its table, warnings, the error that
// kept it from starting, its guard, and what happened to the values of its fields.
//
// `quoted_schema` is the ledger's, as SQL writes it. Stateless: safe from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/model/plan.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

using StreamsByNo = std::map<int64_t, StreamRecord*>;

// How many fields ReadStreamNotes answers for each stream: those with the highest counts.
inline constexpr int kMaxFieldCounts = 100;

// Whether a stream has anything that WriteStreamNotes would write into a new row.
bool HasStreamNotes(const StreamRecord& stream);

// Writes changes, warnings, error and guard of the stream with the record's stream_no, in place of
// what was there.
absl::Status WriteStreamNotes(Transaction& transaction, absl::string_view quoted_schema,
                              const StreamRecord& stream);

// Reads changes, warnings, error, guard and field counts of `stream_nos` into their records.
absl::Status ReadStreamNotes(Transaction& transaction, absl::string_view quoted_schema,
                             const std::vector<int64_t>& stream_nos, const StreamsByNo& by_no);

}  // namespace syncline::postgres
