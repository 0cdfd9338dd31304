// Changes that a sync makes to a table's definition, and warnings, for responses, logs and the
// ledger.
#pragma once

#include <cstdint>
#include <string>

namespace syncline {

// One change of a table's definition.
struct SchemaChange {
  enum class Kind {
    kAddColumn,
    kChangeType,
    kDropColumn,
    kRelaxNotNull,
    kAddIndex,
    kDropIndex,
    kCreateTable,
    kReplicaIdentity,
  };

  Kind kind = Kind::kAddColumn;
  std::string column;       // the column or index; empty for the table itself
  std::string from;         // the PostgreSQL type before; empty if there is none
  std::string to;           // the PostgreSQL type afterwards; empty if there is none
  bool rewrites = false;    // PostgreSQL rewrites the whole table
  int64_t table_bytes = 0;  // the size of the table if it is rewritten
};

// A condition that is reported to the caller and does not stop the stream.
struct Warning {
  std::string code;  // UPPER_SNAKE, stable; see docs/loading.md and docs/names.md
  std::string text;  // human-readable description
};

}  // namespace syncline
