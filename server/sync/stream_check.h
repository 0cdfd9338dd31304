// What StartSync asks for one stream, checked: ids judged, schema read, names parsed. No I/O.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/error.h"
#include "server/model/plan.h"
#include "server/model/stream.h"
#include "server/write/sync_draft.h"

namespace syncline::sync {

struct StartLimits {
  std::string default_schema;
  std::string ledger_schema;  // refused as a target
  int max_streams = 1000;
};

// The faults of a request, or of a part of it.
class Violations {
 public:
  // Faults of one kind alone give the request's error their own reason.
  void Add(std::string field, std::string description, absl::string_view reason = kInvalidRequest);
  void Add(const Violations& others);

  bool empty() const { return list_.empty(); }
  // INVALID_ARGUMENT with every fault; OK without any.
  absl::Status ToStatus() const;

 private:
  static constexpr char kInvalidRequest[] = "INVALID_REQUEST";

  std::vector<FieldViolation> list_;
  std::string reason_;
};

struct CheckedStream {
  StreamRecord record;
  write::StreamRequest request;
  Violations violations;  // paths from the request's root
  // What is no fault of a field: UNIMPLEMENTED HYBRID_REFRESH; PERMISSION_DENIED RESERVED_SCHEMA.
  absl::Status refusal;
};

// `path` is the stream's in the request, e.g. "streams[2]".
CheckedStream CheckStream(const StreamConfig& config, const std::string& path,
                          const StartLimits& limits);

}  // namespace syncline::sync
