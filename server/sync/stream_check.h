// Checks what StartSync requests for one stream: validates ids, reads the schema, parses names.
// Does no I/O.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/error.h"
#include "base/reasons.h"
#include "server/model/stream.h"
#include "server/model/sync_record.h"
#include "server/write/sync_draft.h"

namespace syncline::sync {

struct StartLimits {
  std::string default_schema;
  std::string ledger_schema;  // refused as a target
  int max_streams = 1000;
};

// Collects the violations of a request, or of a part of it.
class Violations {
 public:
  // Adds a violation. If all violations have the same `reason`, it becomes the reason of the error.
  void Add(std::string field, std::string description,
           absl::string_view reason = reason::kInvalidRequest);
  void Add(const Violations& others);

  bool empty() const { return list_.empty(); }
  // Returns INVALID_ARGUMENT with the violations, or OK if there are none.
  absl::Status ToStatus() const;

 private:
  std::vector<FieldViolation> list_;
  std::string reason_;
};

struct CheckedStream {
  StreamEntry record;
  write::StreamRequest request;
  Violations violations;  // paths from the request's root
  // An error that does not concern one field: UNIMPLEMENTED HYBRID_REFRESH; PERMISSION_DENIED
  // RESERVED_SCHEMA.
  absl::Status refusal;
};

// Checks the request for one stream. `path` is its path in the whole request, such as "streams[2]".
CheckedStream CheckStream(const StreamConfig& config, const std::string& path,
                          const StartLimits& limits);

}  // namespace syncline::sync
