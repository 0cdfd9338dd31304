// How a stream is loaded: decided when it starts, kept in the ledger.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/model/loader_kind.h"
#include "server/model/replace_strategy.h"
#include "server/model/stream.h"
#include "server/model/table_name.h"
#include "server/model/table_placement.h"
#include "server/model/table_schema.h"

namespace syncline {

// How a stream is loaded. Fixed when it starts, except that an extension of the sync adds columns,
// widens types and sets what completion does with older generations.
struct StreamPlan {
  int64_t stream_no = 0;  // the ledger's key of the stream
  StreamDescriptor descriptor;
  TableName table;
  TableName temp_table;
  TableSchema schema;
  WriteMode write_mode = WriteMode::kAppend;
  LoaderKind loader = LoaderKind::kAppend;
  int64_t generation_id = 0;
  int64_t minimum_generation_id = 0;
  int64_t airbyte_sync_id = 0;
  SchemaPolicy schema_policy = SchemaPolicy::kKeep;
  Replay replay = Replay::kNothing;
  CdcDeleteMode cdc_delete_mode = CdcDeleteMode::kHard;
  PublishGuard guard;
  bool inferred_schema = false;
  // The stream replaces a generation in which it had already completed: the staged rows replace the
  // table.
  bool restart = false;
  ReplaceStrategy replace_strategy = ReplaceStrategy::kAuto;  // as requested
  // How the table is replaced: expected by StartSync, then as it was published.
  StrategyChoice choice = {};
  // Only if schema.meta is kFull: when the stream started, it made the meta of a record without
  // changes (plain_meta.h) the default of `_airbyte_meta` in the table that it loads into, so that
  // rows can be sent without it.
  bool meta_default = false;
  int64_t version = 1;  // one more for each extension that changed the plan
  OlderGenerations older_generations = OlderGenerations::kKeep;
  std::string deleted_at_column = {};  // for kMarkDeleted: the column that is set
  // Of the table if the stream creates it. Not in the ledger: a start that is resumed takes it from
  // the repeated request, and later the staging table has it.
  Distribution distribution = {};
  // Where the table is, or will be if the stream creates it, and its access method, empty for a new
  // table. Not in the ledger: set only by a preview.
  std::optional<TablePlacement> placement = {};
  std::string access_method = {};

  // Returns the table that records are loaded into.
  const TableName& load_table() const { return StagesRows(loader) ? temp_table : table; }
};

}  // namespace syncline
