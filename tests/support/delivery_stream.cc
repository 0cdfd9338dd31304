#include "tests/support/delivery_stream.h"

#include "absl/strings/str_cat.h"

namespace syncline::testing {

v1::StreamDescriptor DeliveryStream::Descriptor() const {
  v1::StreamDescriptor descriptor;
  descriptor.set_namespace_(schema);
  descriptor.set_name(table);
  return descriptor;
}

v1::StartSyncRequest DeliveryStream::Start() const {
  v1::StartSyncRequest request;
  request.set_sync_id(sync_id);
  v1::StreamConfig* const stream = request.add_streams();
  *stream->mutable_descriptor() = Descriptor();
  stream->set_json_schema(
      R"({"type":"object","properties":{"id":{"type":"integer"},"version":{"type":"integer"},)"
      R"("name":{"type":"string"}}})");
  stream->set_write_mode(v1::WRITE_MODE_APPEND);
  if (deduplicates()) {
    stream->set_write_mode(v1::WRITE_MODE_DEDUP);
    stream->add_primary_key()->add_path("id");
    stream->mutable_cursor()->add_path("version");
  }
  stream->set_generation_id(generation);
  stream->set_minimum_generation_id(replaces() ? generation : 0);
  stream->set_replace_strategy(strategy);
  return request;
}

v1::StreamRecordsRequest DeliveryStream::Header() const {
  v1::StreamRecordsRequest request;
  request.mutable_header()->set_sync_id(sync_id);
  *request.mutable_header()->mutable_descriptor() = Descriptor();
  return request;
}

v1::StreamRecordsRequest DeliveryStream::Batch(int64_t begin, int64_t end) const {
  v1::StreamRecordsRequest request;
  request.mutable_batch()->set_first_offset(begin);
  std::string* const lines = request.mutable_batch()->mutable_jsonl();
  for (int64_t offset = begin; offset < end; ++offset) {
    const int64_t id = deduplicates() ? offset % keys : offset;
    absl::StrAppend(lines, "{\"id\":", id, ",\"version\":", offset, ",\"name\":\"", kRecordMark,
                    " ", generation, " ", offset, "\"}\n");
  }
  return request;
}

v1::StreamRecordsRequest DeliveryStream::Checkpoint(int64_t offset) const {
  v1::StreamRecordsRequest request;
  request.mutable_checkpoint()->set_checkpoint_id(CheckpointId(offset));
  request.mutable_checkpoint()->set_state(absl::StrCat("{\"offset\":", offset, "}"));
  return request;
}

std::string DeliveryStream::CheckpointId(int64_t offset) {
  return absl::StrCat(kCheckpointPrefix, offset);
}

v1::CompleteStreamRequest DeliveryStream::Completion() const {
  v1::CompleteStreamRequest request;
  request.set_sync_id(sync_id);
  *request.mutable_descriptor() = Descriptor();
  request.set_status(v1::STREAM_STATUS_COMPLETE);
  request.set_expected_records(records);
  return request;
}

std::string DeliveryStream::Table() const { return absl::StrCat(schema, ".\"", table, "\""); }

std::string DeliveryStream::ExpectedRowsSql(int64_t published) const {
  const std::string id = deduplicates() ? absl::StrCat("o % ", keys) : "o";
  return absl::StrCat("SELECT ", id, " AS id, max(o) AS version, '", kRecordMark, " ", generation,
                      " ' || max(o) AS name FROM generate_series(0::bigint, ", published,
                      " - 1) AS o GROUP BY 1");
}

}  // namespace syncline::testing
