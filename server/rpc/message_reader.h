// MessageReader: parses the messages of one StreamRecords call, into the memory of earlier ones.
//
// A call's messages are nearly all text of one kind and of one size, so each is read into a text
// that a lane has done with. Used by one thread at a time.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <cstddef>

#include "base/free_list.h"
#include "syncline/v1/records.pb.h"

namespace syncline::rpc {

class MessageReader {
 public:
  // `texts` outlives the reader.
  explicit MessageReader(FreeTexts* texts) : texts_(texts) {}

  // Parses and empties `buffer`. False when it holds no StreamRecordsRequest.
  bool Read(grpc::ByteBuffer* buffer, v1::StreamRecordsRequest* message);

 private:
  // Gives the batch of `message`, of `bytes`, a text of `texts_`; false when none fits.
  bool PlaceText(size_t bytes, v1::StreamRecordsRequest* message);

  FreeTexts* const texts_;
  // Of the latest batch: the next one is likely to have it, too.
  v1::RecordBatch::PayloadCase payload_ = v1::RecordBatch::PAYLOAD_NOT_SET;
};

}  // namespace syncline::rpc
