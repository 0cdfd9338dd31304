// A named thread that is owned and joined. The server starts threads only through this class.
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace syncline {

// Runs `body` on its own thread, which the destructor joins. The first 15 bytes of the name are
// shown by `top -H`. An exception that leaves `body` is a bug: it is logged, and the process
// aborts.
class Thread {
 public:
  // If the system cannot start another thread, this is logged, and the process exits.
  Thread(const std::string& name, std::function<void()> body);
  ~Thread();
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

 private:
  Thread() = default;
  // Returns false if the system cannot start another thread.
  bool Start(const std::string& name, std::function<void()> body);

  std::thread thread_;
};

}  // namespace syncline
