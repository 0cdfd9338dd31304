#include "server/write/load/block_copy.h"

#include "base/status_macros.h"
#include "server/postgres/copy/text_fields.h"

namespace syncline::write {
namespace {

absl::Status SendBinary(postgres::Connection& connection, absl::Span<const ByteBuffer> blocks) {
  for (const ByteBuffer& block : blocks) {
    SYNCLINE_RETURN_IF_ERROR(connection.PutCopyData(block.view()));
  }
  ByteBuffer trailer;
  postgres::AppendCopyTrailer(&trailer);
  return connection.PutCopyData(trailer.view());
}

absl::Status SendText(postgres::Connection& connection, absl::Span<const ByteBuffer> blocks) {
  ByteBuffer lines;
  for (const ByteBuffer& block : blocks) {
    lines.Clear();
    const bool first = &block == &blocks.front();
    postgres::AppendTextLines(block.view().substr(first ? postgres::kCopyHeaderBytes : 0), &lines);
    SYNCLINE_RETURN_IF_ERROR(connection.PutCopyData(lines.view()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SendBlocks(postgres::Connection& connection, absl::Span<const ByteBuffer> blocks,
                        postgres::CopyFormat format) {
  return format == postgres::CopyFormat::kBinary ? SendBinary(connection, blocks)
                                                 : SendText(connection, blocks);
}

}  // namespace syncline::write
