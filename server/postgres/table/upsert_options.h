// UpsertOptions: how a merge treats deletions and columns that the stream does not declare.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/model/stream.h"
#include "server/postgres/table/undeclared_columns.h"

namespace syncline::postgres {

struct UpsertOptions {
  CdcDeleteMode cdc_delete_mode = CdcDeleteMode::kHard;
  // Memory for each sort and hash, in PostgreSQL's notation. A higher setting of the server is
  // kept.
  std::string work_mem = "64MB";
  // Columns that both tables have and `schema` does not.
  std::vector<UndeclaredColumn> undeclared = {};
  // If rows of older generations are marked as deleted: the newest one. Stored rows whose keys were
  // staged in it get it, also those that no staged row beats, so that they are not marked.
  std::optional<int64_t> marking_generation = {};
};

}  // namespace syncline::postgres
