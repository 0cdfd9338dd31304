// MetaOmission: sends the rows of a block without `_airbyte_meta` if no row of it has a change.
//
// The column gets its default then, which is the meta of such a record and which PostgreSQL does
// not have to parse per row (postgres/table/meta_default.h). Rows are encoded without the field
// until one of the block has a change; from then on all rows of the block have it, also those that
// were encoded before. In the transaction of a COPY without the column, CheckDefault must confirm
// that the default is the stream's.
//
// Whatever is done with a block besides its COPY, such as finding refused rows, expects whole rows:
// call MakeWhole before it. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/byte_buffer.h"
#include "server/model/stream_plan.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/copy/row_encoder.h"

namespace syncline::write {

class MetaOmission {
 public:
  MetaOmission(const StreamPlan& plan, postgres::CopyFormat format);

  // Returns whether the next row, which has the meta `meta_json`, is encoded without it. `blocks`
  // are the rows of the block before it; they become whole if it is not.
  bool OmitsNext(absl::string_view meta_json, std::vector<ByteBuffer>* blocks);
  // Returns whether the rows of the block are without the field.
  bool omits() const { return omits_; }
  // Returns the bytes that each of them lacks.
  int64_t omitted_bytes() const { return omitted_bytes_; }
  // Returns the statement that starts the COPY of rows without the field.
  const std::string& copy_sql() const { return copy_sql_; }

  // Adds the field to the rows of `blocks`, unless they have it.
  void MakeWhole(std::vector<ByteBuffer>* blocks);
  // Call it after the COPY, in its transaction. Errors: ABORTED, without a reason, if the rows got
  // another default; call HandleFailure with it. Those of Connection::Query.
  absl::Status CheckDefault(postgres::Connection& connection);
  // Makes the rows whole, so that the block can be sent again after `error`. If the default is not
  // the stream's, later blocks are sent whole, too.
  void HandleFailure(const absl::Status& error, std::vector<ByteBuffer>* blocks);
  // Starts a new block. If the last one had a row with a change, the next one is encoded whole.
  void EndBlock();

 private:
  const TableName table_;
  const std::string plain_meta_;
  const std::string copy_sql_;
  const int64_t omitted_bytes_;
  bool possible_;         // the table has the default, as far as is known
  bool empty_ = true;     // the block has no rows
  bool changes_ = false;  // a row of the block has a change
  bool changed_before_ = false;
  bool omits_ = false;
};

}  // namespace syncline::write
