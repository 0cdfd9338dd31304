// RefusedRows: which rows of a block PostgreSQL refuses, so that the others can be loaded.
//
// COPY ends with its first error. When that error names its row, the row is taken for refused and
// the block is sent again without it, kMaxNamedRows times at most; from then on, and when the error
// names no row or may name a wrong one, the block is sent in halves under savepoints until each
// refused row stands alone. Rows that a foreign key to their own table refuses are tried again
// after the others, until nothing more is taken: the row that they name may come after them, but
// not in a circle. What is found here is only which rows; the block is then loaded without them by
// the usual transaction. Used by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/byte_buffer.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/copy/row_encoder.h"

namespace syncline::write {

// A row that PostgreSQL refuses.
struct RefusedRow {
  size_t index = 0;  // among the block's rows
  std::string reason;
  std::string detail;
};

class RefusedRows {
 public:
  static constexpr int kMaxNamedRows = 8;

  // `copy_sql` starts a COPY in `format`, without BEGIN.
  RefusedRows(std::string copy_sql, postgres::CopyFormat format)
      : copy_sql_(std::move(copy_sql)), format_(format) {}

  // The rows of `blocks` that are to blame for `error`, which ended their COPY: in ascending order,
  // none when the error is not about rows. `connection` is outside of a transaction, and is again
  // afterwards. `named` counts the rows of this block that were found by their number so far.
  // Errors: those of the database that are not about rows.
  absl::StatusOr<std::vector<RefusedRow>> Find(postgres::Connection& connection,
                                               absl::Span<const ByteBuffer> blocks,
                                               const absl::Status& error, int* named) const;

 private:
  const std::string copy_sql_;
  const postgres::CopyFormat format_;
};

// Whether `error` of a COPY is about values or constraints, and not about the whole of the table.
bool IsAboutRows(const absl::Status& error);

}  // namespace syncline::write
