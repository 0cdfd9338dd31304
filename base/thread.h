// A named, owned, joined thread: the only place where the server starts one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace syncline {

// Runs `body` on its own thread; the destructor joins. The name (at most 15 bytes) shows in `top
// -H`. An exception that leaves `body` is our bug: it is logged and the process aborts.
class Thread {
 public:
  Thread(std::string name, std::function<void()> body);
  // Null when the system has no thread left, which the constructor does not survive.
  static std::unique_ptr<Thread> TryStart(std::string name, std::function<void()> body);
  ~Thread();
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

 private:
  std::thread thread_;
};

}  // namespace syncline
