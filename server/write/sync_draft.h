// A requested sync: the content of a checked StartSync request, before anything is decided.
#pragma once

#include <optional>
#include <vector>

#include "server/model/generation.h"
#include "server/model/names.h"
#include "server/model/sync_record.h"
#include "server/model/table_name.h"

namespace syncline::write {

// What a caller requests for one stream, in addition to its plan.
struct StreamRequest {
  GenerationRequest generation;
  StreamName name;
  // The target that the caller names in `table_name`, whatever the stream's name is.
  std::optional<TableName> exact_table;
};

struct SyncDraft {
  // Has `sync_id`, `connection_id`, `owner`, `request_digest`, `input_digest`, and in `streams` the
  // plans without table, column names, generation and loader; their `primary_key` and `cursor` are
  // names of properties. A stream whose request is invalid is kFailed with its error.
  SyncEntry sync;
  // One entry per stream.
  std::vector<StreamRequest> requests;
  // If true, a stream that cannot start does not stop the others.
  bool allow_partial = false;
  // If true, schemas are not created: a stream whose schema does not exist cannot start.
  bool existing_schemas_only = false;
  // If the sync exists, adds these streams, or columns to its streams.
  bool extend = false;
  // Maximum number of streams of a sync.
  int max_streams = 1000;
};

}  // namespace syncline::write
