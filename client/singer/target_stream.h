// One stream of a tap during a run of `syncline singer`, and how it is loaded.
//
// The thread that reads the messages owns a stream until its end; then one task of the session's
// pool does.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/record_batch.h"
#include "client/singer/config.h"
#include "client/stream_writer.h"
#include "syncline/v1/stream.pb.h"

namespace syncline::client {

struct TargetStream {
  std::string name;
  std::string schema;  // of the latest SCHEMA
  std::vector<std::string> key_properties;

  std::optional<int64_t> version;  // of the records; fixed when the stream is planned
  bool activated = false;          // by ACTIVATE_VERSION
  bool activated_last = false;     // no record since then
  int64_t records = 0;

  // Set when the stream is planned.
  int number = 0;               // for CheckpointProgress
  int64_t sent_checkpoint = 0;  // the last one that was sent on its calls
  v1::StreamConfig config;
  v1::StreamPlan plan;
  std::unique_ptr<RecordBatchBuilder> batch;
  std::unique_ptr<StreamWriter> writer;

  bool planned() const { return writer != nullptr; }
};

// Returns whether the records of the stream replace the table.
bool ReplacesTable(const SingerConfig& config, const TargetStream& stream);

// Returns whether rows of older versions are marked as deleted when the stream is completed.
bool MarksOlderRows(const SingerConfig& config, const TargetStream& stream);

// Returns how the stream is loaded, as far as its messages have determined it.
//
// A version is the generation of its rows. Without one they belong to the table's generation.
v1::StreamConfig MakeStreamConfig(const SingerConfig& config, const TargetStream& stream);

// Evidence about the end of the input.
struct InputEnd {
  bool ends_with_state = false;  // the last message is a STATE
};

// Returns an empty string if the stream may be completed at the end of the input, otherwise the
// reason: the end of a sentence that begins with the stream. A table must not be replaced by a part
// of its rows because the tap failed.
std::string FindReasonNotToComplete(const SingerConfig& config, const TargetStream& stream,
                                    const InputEnd& end);

}  // namespace syncline::client
