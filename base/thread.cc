#include "base/thread.h"

#include <pthread.h>

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

Thread::Thread(std::string name, std::function<void()> body)
    : thread_([name = std::move(name), body = std::move(body)] { RunGuarded(name, body); }) {}

Thread::~Thread() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace syncline
