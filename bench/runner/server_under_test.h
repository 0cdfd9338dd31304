// The real server, started for one scenario on free ports, and drained at its end.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/child_process.h"

namespace syncline::bench {

class ServerUnderTest {
 public:
  // Starts the server and waits until it serves. Its log is in `directory`. Errors: INTERNAL with
  // the end of the log.
  static absl::StatusOr<std::unique_ptr<ServerUnderTest>> Start(
      const std::string& dsn, const std::string& directory, const std::vector<std::string>& flags);

  // Sends SIGTERM and waits until the server has exited.
  ~ServerUnderTest();

  pid_t pid() const { return child_->pid(); }
  // "127.0.0.1:port"
  const std::string& address() const { return address_; }

 private:
  ServerUnderTest() = default;

  std::unique_ptr<ChildProcess> child_;
  std::string address_;
};

}  // namespace syncline::bench
