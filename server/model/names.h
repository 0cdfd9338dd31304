// Names: from what a source calls things to what PostgreSQL can call them, the same in every sync.
//
// Rules: docs/names.md. All functions are pure; results are valid UTF-8 of at most 63 bytes.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/name_collisions.h"
#include "server/model/stream.h"
#include "server/model/table_name.h"

namespace syncline {

// PostgreSQL's limit for an identifier (NAMEDATALEN - 1).
inline constexpr size_t kMaxIdentifierBytes = 63;

// What temp tables' names begin with, and the table of no stream.
inline constexpr char kTempTablePrefix[] = "_syncline_tmp_";

// One schema, table or column name: NFKD, combining marks removed, runs of white space to one '_',
// any other character outside [A-Za-z0-9_] to '_', '_' before a leading digit, case kept; a stable
// hash for what comes out empty or all underscores; shortened to 63 bytes. `name` must be valid
// UTF-8. A result comes out of itself unchanged.
std::string NormalizeName(absl::string_view name);

// `name` when it has at most 63 bytes, else its head, cut between characters, and a hash of the
// whole.
std::string ShortenName(absl::string_view name);

// What a stream is known by, and the table that it has unless the ledger says otherwise.
struct StreamName {
  StreamDescriptor stream;  // with the namespace that an empty one stands for
  TableName table;
  bool exact = false;  // the source calls schema and table exactly so
};

// Names one stream. Errors: PERMISSION_DENIED (RESERVED_SCHEMA) for schemas pg_*,
// information_schema and `ledger_schema`; INVALID_ARGUMENT (INVALID_NAME) with violations of
// "descriptor.namespace" or "descriptor.name" for names that are not UTF-8, hold NUL or are empty.
absl::StatusOr<StreamName> NameStream(const StreamDescriptor& stream,
                                      absl::string_view default_schema,
                                      absl::string_view ledger_schema = "syncline");

// PERMISSION_DENIED (RESERVED_SCHEMA) for a schema that no stream may load.
absl::Status CheckTargetSchema(absl::string_view schema, absl::string_view ledger_schema);

// The name in `facts` of a table, and the identity in them of a stream.
ScopedName ScopeOf(const TableName& table);
std::string IdentityOf(const StreamDescriptor& stream);

// The table of each stream, in the order given. Streams whose tables come out equal are told apart
// by a hash suffix of their names, independent of the order; equal streams get equal tables.
// `facts` know the tables and owners that are concerned: by ScopeOf and IdentityOf.
std::vector<TableName> AssignTables(const std::vector<StreamName>& streams,
                                    const NameFacts& facts = {});

// The column of each field, in the order given, told apart as tables are; a field that hits a meta
// column or a system column of PostgreSQL (ctid, xmin, tableoid …) gets a suffix. Fields must be
// valid UTF-8. `facts` are those of the table: columns in the scope "", fields as identities.
std::vector<std::string> MapColumnNames(const std::vector<std::string>& fields,
                                        const NameFacts& facts = {});

// The temp table beside `real`: deterministic, of the same schema, never equal to the table of a
// stream.
TableName TempTableName(const TableName& real);

}  // namespace syncline
