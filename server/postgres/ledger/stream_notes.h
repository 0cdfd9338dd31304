// What the ledger stores about a stream in addition to its plan: changes of its table, warnings,
// the error that kept it from starting, its guard, and counts of the values of its fields that were
// nulled, truncated or undeclared.
//
// `quoted_schema` is the ledger's schema, quoted for SQL. Stateless: safe from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/model/sync_record.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

using StreamsByNo = std::map<int64_t, StreamEntry*>;

// Maximum number of fields that ReadStreamNotes returns per stream: those with the highest counts.
inline constexpr int kMaxFieldCounts = 100;

// Returns whether WriteStreamNotes would write anything into a new row of the stream.
bool HasStreamNotes(const StreamEntry& stream);

// Adds the streams' changes, warnings, guards and errors as four parameters, each an array of JSON
// with one element per stream. An element of the errors is NULL if the stream has none. They are
// the columns `changes`, `warnings`, `guard` and `error` of the ledger's table `stream`.
void AddStreamNotes(absl::Span<const StreamEntry> streams, Params* params);

// Writes changes, warnings, guard and error of the stream with this stream_no. They replace the
// stored ones.
absl::Status WriteStreamNotes(Transaction& transaction, absl::string_view quoted_schema,
                              const StreamEntry& stream);

// Kinds of notes that streams have. Most streams have none, and their notes need not be read.
struct NoteKinds {
  bool changes = false;
  bool warnings = false;
  bool error = false;
  bool guard = false;
  bool fields = false;

  bool any() const { return changes || warnings || error || guard || fields; }
  NoteKinds& operator|=(const NoteKinds& other) {
    changes |= other.changes;
    warnings |= other.warnings;
    error |= other.error;
    guard |= other.guard;
    fields |= other.fields;
    return *this;
  }
};

// The columns of the table stream that ReadNoteKinds reads.
inline constexpr char kNoteKindsColumns[] =
    "changes <> '[]' AS has_changes, warnings <> '[]' AS has_warnings, "
    "error IS NOT NULL AS has_error, guard <> '{}' AS has_guard";

// Returns the kinds of notes that the stream's row has. Counts of fields are elsewhere.
NoteKinds ReadNoteKinds(const RowView& row);

// Reads the notes of these kinds of `stream_nos` into their records. Runs no statement if `kinds`
// has none.
absl::Status ReadStreamNotes(Transaction& transaction, absl::string_view quoted_schema,
                             const std::vector<int64_t>& stream_nos, const NoteKinds& kinds,
                             const StreamsByNo& by_no);

}  // namespace syncline::postgres
