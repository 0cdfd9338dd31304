#include "server/rpc/request_digest.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "base/sha256.h"

namespace syncline::rpc {

std::string GetDigest(const v1::StartSyncRequest& request) {
  std::string bytes;
  // Fields that do not change what a sync loads do not make a different request.
  v1::StartSyncRequest same = request;
  same.clear_allow_partial();
  same.clear_input_digest();
  same.clear_existing_schemas_only();
  for (v1::StreamConfig& stream : *same.mutable_streams()) stream.clear_guard();
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  same.SerializeToCodedStream(&coded);
  coded.Trim();
  return Sha256Hex(bytes);
}

}  // namespace syncline::rpc
