// The options of a load, and its inputs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/load_end.h"
#include "client/sources/record_source.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::client {

struct LoadOptions {
  v1::StartSyncRequest start;  // with exactly one stream
  bool sole_caller = false;    // no other process knows the sync id
  bool other_writers = false;  // other processes write to the stream, too
  bool keep_open = false;      // another writer completes the stream
  bool staged = false;         // the table changes only at the end (all modes but append)
  bool validate_only = false;  // report what completion would do, then discard
  EndRules end_rules;
  absl::Duration retry_for = absl::Minutes(5);
  int64_t replay_window_bytes = int64_t{128} << 20;
  // How long to wait on a full window before closing a call to force a commit. The server commits
  // about once a second and answers at once, so after this time no answer is expected.
  absl::Duration window_timeout = absl::Seconds(3);
};

// One input of a load. Its records are sent by a writer of their own.
struct LoadSource {
  // Creates a source that begins at the first record, for a stream with that plan. It is called a
  // second time only if the input is `rereadable`.
  using Open =
      std::function<absl::StatusOr<std::unique_ptr<RecordSource>>(const v1::StreamPlan& plan)>;

  std::string name;  // for messages; empty if the user knows which input is meant
  std::string writer_id;
  bool rereadable = false;
  Open open;
  std::function<void()> release;      // frees the memory of reading after the load; may be null
  int64_t size = 0;                   // of the stored file in bytes, if `position` is set
  std::function<int64_t()> position;  // stored bytes read so far; null: not known
};

}  // namespace syncline::client
