#include "base/thread.h"

#include <pthread.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <utility>

#include "base/log.h"

namespace syncline {
namespace {

void RunGuarded(const std::string& name, const std::function<void()>& body) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  try {
    body();
  } catch (const std::exception& error) {
    Log(LogLevel::kError, "thread_died").Field("thread", name).Field("error", error.what());
    std::abort();
  }
}

}  // namespace

Thread::Thread(const std::string& name, std::function<void()> body) {
  if (Start(name, std::move(body))) return;
  Log(LogLevel::kError, "no_thread")
      .Field("thread", name)
      .Field("message", "the system starts no more threads for this process, which exits");
  // Nothing that needs the thread would ever end. Everything acknowledged is committed.
  _exit(1);
}

bool Thread::Start(const std::string& name, std::function<void()> body) {
  try {
    thread_ = std::thread([name, body = std::move(body)] { RunGuarded(name, body); });
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

Thread::~Thread() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace syncline
