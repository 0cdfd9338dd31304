// The table in which a stream's records are staged. It resembles the target, so that what the
// target would refuse is refused when the record arrives and not when everything is loaded.
//
// Stateless: safe from any thread.
#pragma once

#include <set>
#include <string>

#include "absl/status/status.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/table/table_placement.h"

namespace syncline::postgres {

struct StagingShape {
  TableName target;    // may be missing
  TableSchema schema;  // the stream's columns as they will be
  // True for a table that takes the target's place: it has the target's columns in the target's
  // order, then the new ones of `schema`. False for one that is merged or copied: it has those of
  // `schema` only.
  bool replaces = false;
  std::set<std::string> left_out = {};  // columns of the target that a replace drops
  PlacementRequest placement = {};      // if the target is missing; otherwise as the target is
};

// Creates `staging`, which must not exist. Types, collations, storage, NOT NULL and CHECK
// constraints are those of the target's columns; storage parameters and the tablespace, if this
// role may use it, are the target's. A table that takes the target's place also has the target's
// access method, defaults, generated columns and identity columns, which continue from the target's
// positions. Creates no
// indexes. Places it as the target is placed (table_placement.h). Protects the table
// (staging_protection.h). Errors: as CreateTable.
absl::Status CreateStagingTable(Transaction& transaction, const TableName& staging,
                                const StagingShape& shape);

// Changes an existing staging table to the shape and keeps its rows. Places it as the target is
// placed, which may have been distributed since. A staged value that its
// column's new type cannot represent becomes NULL with an entry in the row's meta column (kNull in
// schema_evolution.h), so that staged values never stop a stream.
absl::Status EvolveStagingTable(Transaction& transaction, const TableName& staging,
                                const StagingShape& shape);

}  // namespace syncline::postgres
