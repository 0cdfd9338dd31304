#include "server/rpc/deafness_watch.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/tls_hello.h"

namespace syncline::rpc {
namespace {

constexpr absl::Duration kStep = absl::Milliseconds(100);

// Returns the HTTP/2 connection preface and an empty SETTINGS frame.
std::string Http2Hello() {
  constexpr char kSettings[9] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(kSettings, sizeof(kSettings));
}

int OpenReserve() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

// Waits for at most one step and returns those of `events` for which `descriptor` is ready.
short PollStep(int descriptor, short events) {
  pollfd waiting = {descriptor, events, 0};
  return poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(kStep))) > 0
             ? waiting.revents
             : static_cast<short>(0);
}

}  // namespace

DeafnessWatch::DeafnessWatch(DeafnessOptions options, std::function<void()> deaf)
    : options_(std::move(options)),
      on_unresponsive_(std::move(deaf)),
      hello_(options_.tls ? TlsClientHello() : Http2Hello()),
      reserve_(OpenReserve()) {
  thread_ = std::make_unique<Thread>("deafness", [this] { Run(); });
}

DeafnessWatch::~DeafnessWatch() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  thread_.reset();
  close(reserve_);
}

void DeafnessWatch::Run() {
  int failed = 0;
  while (Pause(options_.interval)) {
    failed = Answers() ? 0 : failed + 1;
    if (failed == options_.tries && !stopping()) return on_unresponsive_();
  }
}

bool DeafnessWatch::Answers() {
  close(reserve_);
  const int descriptor = options_.connect();
  const bool answered = descriptor >= 0 && Exchange(descriptor);
  if (descriptor >= 0) close(descriptor);
  reserve_ = OpenReserve();
  return answered;
}

bool DeafnessWatch::Exchange(int descriptor) {
  bool sent = false;
  absl::Duration waited;
  while (waited < options_.patience) {
    if (stopping()) return true;
    const short ready = PollStep(descriptor, sent ? POLLIN : POLLOUT);
    if (ready == 0) {
      waited += kStep;
      continue;
    }
    if (sent) return true;  // a response, or the end of the connection
    if (send(descriptor, hello_.data(), hello_.size(), MSG_NOSIGNAL) < 0) {
      return errno == EPIPE || errno == ECONNRESET;  // it was accepted and is closed already
    }
    sent = true;
  }
  return false;
}

bool DeafnessWatch::Pause(absl::Duration duration) {
  for (absl::Duration waited; waited < duration; waited += kStep) {
    MutexLock lock(&mutex_);
    if (!stopping_) wake_.WaitFor(&mutex_, kStep);
    if (stopping_) return false;
  }
  return true;
}

bool DeafnessWatch::stopping() {
  MutexLock lock(&mutex_);
  return stopping_;
}

}  // namespace syncline::rpc
