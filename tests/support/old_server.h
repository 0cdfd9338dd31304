// A PostgreSQL server of an old version as far as a client sees it when it connects: it accepts
// every connection and reports its version, and answers nothing else.
//
// One thread serves one connection after the other. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/listening_socket.h"
#include "base/thread.h"
#include "base/wake_event.h"

namespace syncline::testing {

class OldServer {
 public:
  // `version` is what it reports as server_version. Errors: those of ListeningSockets.
  static absl::StatusOr<std::unique_ptr<OldServer>> Start(absl::string_view version);
  // Connections must be closed before it.
  ~OldServer();
  OldServer(const OldServer&) = delete;
  OldServer& operator=(const OldServer&) = delete;

  std::string dsn() const;

 private:
  OldServer(absl::string_view version, ListeningSockets listener);
  void Serve();

  const std::string version_;
  ListeningSockets listener_;
  WakeEvent stop_;
  std::unique_ptr<Thread> thread_;  // last: started when everything else is there
};

}  // namespace syncline::testing
