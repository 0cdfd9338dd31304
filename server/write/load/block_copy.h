// Sends the encoded rows of a block for a COPY that has begun.
#pragma once

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/byte_buffer.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/copy/row_encoder.h"

namespace syncline::write {

// Sends the rows of `blocks`, of which the first starts with COPY's header, in `format`. Errors:
// those of Connection::PutCopyData.
absl::Status SendBlocks(postgres::Connection& connection, absl::Span<const ByteBuffer> blocks,
                        postgres::CopyFormat format);

}  // namespace syncline::write
