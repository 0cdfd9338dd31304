// What a sync changes in a table's definition, and what it warns of: values for answers, logs and
// the ledger.
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
  };

  Kind kind = Kind::kAddColumn;
  std::string column;       // the column, or the index; empty for the table itself
  std::string from;         // the PostgreSQL type before; empty when there is none
  std::string to;           // the PostgreSQL type afterwards; empty when there is none
  bool rewrites = false;    // PostgreSQL rewrites the whole table for it
  int64_t table_bytes = 0;  // the table's size, when it is rewritten
};

// Something that the caller should know; it does not stop the stream.
struct Warning {
  std::string code;  // UPPER_SNAKE, stable; docs/loading.md and docs/names.md
  std::string text;  // for people
};

}  // namespace syncline
