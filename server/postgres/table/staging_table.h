// The table that a stream's records are staged in: like the target, so that what the target refuses
// is refused when the record comes and not when everything is loaded.
//
// Stateless: safe from any thread.
#pragma once

#include <set>
#include <string>

#include "absl/status/status.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

struct StagingShape {
  TableName target;    // may be missing
  TableSchema schema;  // the stream's columns as they are to be
  // True for a table that takes the target's place: it has the target's columns in the target's
  // order, then new ones of `schema`. False for one that is merged or copied: `schema` alone.
  bool replaces = false;
  std::set<std::string> left_out = {};  // columns of the target that a replace drops
};

// Makes `staging`; it must not exist. Types, collations, storage, NOT NULL and CHECK are
// those of the target's columns; a replacing table has defaults, generated and identity columns,
// too, which go on from the target's positions. No indexes. Errors as CreateTable.
absl::Status CreateStagingTable(Transaction& transaction, const TableName& staging,
                                const StagingShape& shape);

// Brings an existing staging table to the shape; its rows stay. A staged value that its column's
// new type cannot take becomes NULL with an entry in the row's meta column (kNull in
// schema_evolution.h): nothing staged stops a stream.
absl::Status EvolveStagingTable(Transaction& transaction, const TableName& staging,
                                const StagingShape& shape);

}  // namespace syncline::postgres
