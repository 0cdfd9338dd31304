// Names: converts a source's names to PostgreSQL's, in the same way in every sync.
//
// docs/names.md has the rules. All functions are pure. Results are valid UTF-8 of at most 63 bytes.
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

// Prefix of staging tables' names. No target table has it.
inline constexpr char kStagingTablePrefix[] = "_syncline_tmp_";

// Normalizes the name of a schema, table or column: applies NFKD, removes combining marks, replaces
// each run of white space and every other character outside [A-Za-z0-9_] with '_', puts '_' before
// a leading digit, keeps the case, and shortens the result to 63 bytes. A name that becomes empty
// or only underscores is replaced by a stable hash. `name` must be valid UTF-8. Idempotent.
std::string NormalizeName(absl::string_view name);

// Returns `name` if it has at most 63 bytes, otherwise its head, cut between characters, and a hash
// of the whole name.
std::string ShortenName(absl::string_view name);

// A stream's descriptor, and its table unless the ledger assigns another one.
struct StreamName {
  StreamDescriptor stream;  // an empty namespace is replaced by the default schema
  TableName table;
  bool exact = false;  // schema and table are exactly the source's names
};

// Names one stream.
// Errors: PERMISSION_DENIED RESERVED_SCHEMA for the schemas pg_*, information_schema and
// `ledger_schema`; INVALID_ARGUMENT INVALID_NAME, with violations of "descriptor.namespace",
// "descriptor.name" or "default_schema", for names that are not UTF-8, contain NUL or are empty.
absl::StatusOr<StreamName> NameStream(const StreamDescriptor& stream,
                                      absl::string_view default_schema,
                                      absl::string_view ledger_schema = "syncline");

// Checks that streams may load into `schema`. Errors: PERMISSION_DENIED RESERVED_SCHEMA.
absl::Status CheckTargetSchema(absl::string_view schema, absl::string_view ledger_schema);

// Return the keys of NameFacts: the name of a table and the identity of a stream.
ScopedName MakeScopedName(const TableName& table);
std::string GetIdentity(const StreamDescriptor& stream);

// Returns the table of each stream, in the given order. If the tables of different streams collide,
// a hash suffix makes them distinct, independently of the order. Equal streams get equal tables.
// `facts` contains the relevant tables and owners, with the keys of MakeScopedName and GetIdentity.
std::vector<TableName> AssignTables(const std::vector<StreamName>& streams,
                                    const NameFacts& facts = {});

// Returns the column of each field, in the given order, made distinct as tables are. A field that
// collides with a meta column or a system column of PostgreSQL (ctid, xmin, tableoid …) gets a
// suffix. Fields must be valid UTF-8. `facts` has the table's columns in the scope "", and fields
// as identities.
std::vector<std::string> MapColumnNames(const std::vector<std::string>& fields,
                                        const NameFacts& facts = {});

// Returns the staging table of the target table `real`, which is in the ledger's schema. The name
// is deterministic and never that of a target table. Older versions used the same name in the
// schema of `real`.
TableName GetStagingTableName(const TableName& real, absl::string_view ledger_schema);

}  // namespace syncline
