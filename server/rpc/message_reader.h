// MessageReader: parses the messages of one StreamRecords or AppendRecords call into the string
// buffers of earlier messages.
//
// Most messages of a call are one string of the same kind and of similar size, so each is read into
// a string buffer that a lane has released. Used by one thread at a time.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <cstddef>

#include "base/free_list.h"
#include "syncline/v1/records.pb.h"

namespace syncline::rpc {

class MessageReader {
 public:
  // `texts` must outlive the reader.
  explicit MessageReader(FreeStrings* texts) : buffers_(texts) {}

  // Parses `buffer` and empties it. Returns false if it does not contain a StreamRecordsRequest.
  bool Read(grpc::ByteBuffer* buffer, v1::StreamRecordsRequest* message);

 private:
  // Gives the batch of `message`, which has `bytes`, a buffer of `buffers_`. Returns false if none
  // fits.
  bool PlaceBuffer(size_t bytes, v1::StreamRecordsRequest* message);

  FreeStrings* const buffers_;
  // Kind of the latest batch. The next batch is likely to be of the same kind.
  v1::RecordBatch::PayloadCase payload_ = v1::RecordBatch::PAYLOAD_NOT_SET;
};

}  // namespace syncline::rpc
