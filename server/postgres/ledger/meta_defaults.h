// Which appends have made the meta of a record without changes the default of `_airbyte_meta` in
// their target (table/meta_default.h), so that what a crash leaves is found. NoteStaging
// (staging_ledger.h) notes it.
//
// `quoted_schema` is the ledger's schema, quoted for SQL. Stateless: safe from any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// Notes that the stream's target no longer has the stream's default.
absl::Status ClearMetaDefault(Transaction& transaction, absl::string_view quoted_schema,
                              int64_t stream_no);

struct LeftMetaDefault {
  int64_t stream_no = 0;
  TableName table;
  int64_t airbyte_sync_id = 0;
  // A stream that is loading the table has the default, too, and drops it when it ends.
  bool used = false;
};

// Returns the defaults that appends did not drop when they ended.
absl::StatusOr<std::vector<LeftMetaDefault>> FindLeftMetaDefaults(Transaction& transaction,
                                                                  absl::string_view quoted_schema);

}  // namespace syncline::postgres
