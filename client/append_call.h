// One open AppendRecords call.
//
// Answers are read by a thread of gRPC as they arrive, so a call has no thread of its own. For use
// by one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::client {

class AppendReactor;

class AppendCall {
 public:
  // Receives the answers, one at a time, on a thread of gRPC and never after the destructor. It
  // must not use the call, and should not block: the calls of the process share these threads.
  using OnAnswer = std::function<void(const v1::AppendRecordsResponse&)>;

  explicit AppendCall(std::unique_ptr<AppendReactor> reactor);
  // Cancels the call if it is unfinished, and waits until it has ended.
  ~AppendCall();

  // Blocks until the previous request is written, and so while the server does not read. Returns
  // false if the call is broken; Finish returns the error.
  bool Write(std::shared_ptr<const v1::AppendRecordsRequest> request);
  bool Write(v1::AppendRecordsRequest request) {
    return Write(std::make_shared<const v1::AppendRecordsRequest>(std::move(request)));
  }

  // Half-closes the call and waits for its end. Returns the last answer. Must be the last call.
  absl::StatusOr<v1::AppendRecordsResponse> Finish();

 private:
  const std::unique_ptr<AppendReactor> reactor_;
};

}  // namespace syncline::client
