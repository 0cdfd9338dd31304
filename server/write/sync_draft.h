// A sync as it is asked for: what a checked StartSync request says, before anything is decided.
#pragma once

#include <optional>
#include <vector>

#include "server/model/generation.h"
#include "server/model/names.h"
#include "server/model/plan.h"
#include "server/model/table_name.h"

namespace syncline::write {

// What a caller asks for one stream beside its plan.
struct StreamRequest {
  GenerationRequest generation;
  StreamName name;
  // The target that the caller addresses by `table_name`, whatever the stream is called.
  std::optional<TableName> exact_table;
};

struct SyncDraft {
  // `sync_id`, `connection_id`, `request_digest`, `input_digest`, and in `streams` the plans
  // without table, column names, generation and loader: `primary_key` and `cursor` name properties.
  // A stream whose request is faulty is kFailed with its error.
  SyncRecord sync;
  // One entry per stream.
  std::vector<StreamRequest> requests;
  // A stream that cannot start does not stop the others.
  bool allow_partial = false;
};

}  // namespace syncline::write
