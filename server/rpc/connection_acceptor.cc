#include "server/rpc/connection_acceptor.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/reasons.h"

namespace syncline::rpc {
namespace {

constexpr int kLines = 1;
constexpr absl::Duration kLogWindow = absl::Seconds(10);
// Pause before the next attempt after the system has run out of a resource.
constexpr absl::Duration kPause = absl::Milliseconds(50);

int OpenReserve() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

// Sets the options that gRPC sets on connections that it accepts itself. A connection is closed if
// sent data is not acknowledged within 20 s.
void SetOptions(int descriptor) {
  const int on = 1;
  const unsigned int milliseconds = 20000;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof(milliseconds));
}

}  // namespace

ConnectionAcceptor::ConnectionAcceptor(ListeningSockets sockets, OpenConnections* open, Take take)
    : sockets_(std::move(sockets)),
      open_(open),
      take_(std::move(take)),
      reserve_(OpenReserve()),
      refusals_(kLines, kLogWindow) {}

ConnectionAcceptor::~ConnectionAcceptor() {
  Stop();
  close(reserve_);
}

absl::Status ConnectionAcceptor::Start() {
  if (pipe2(wake_, O_CLOEXEC) != 0) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     absl::StrCat("cannot accept connections: ", std::strerror(errno)),
                     {.reason = reason::kListenFailed});
  }
  thread_ = std::make_unique<Thread>("accept", [this] { Run(); });
  return absl::OkStatus();
}

void ConnectionAcceptor::Stop() {
  if (thread_ == nullptr) return;
  close(wake_[1]);
  thread_.reset();
  close(wake_[0]);
  sockets_.Close();
}

int64_t ConnectionAcceptor::refused() {
  MutexLock lock(&mutex_);
  return refused_;
}

void ConnectionAcceptor::Run() {
  std::vector<pollfd> waiting = {{wake_[0], POLLIN, 0}};
  for (const int descriptor : sockets_.descriptors()) waiting.push_back({descriptor, POLLIN, 0});
  while (true) {
    if (poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) {
      absl::SleepFor(kPause);
      continue;
    }
    if (waiting[0].revents != 0) return;
    for (size_t i = 1; i < waiting.size(); ++i) {
      if (waiting[i].revents != 0) AcceptFrom(waiting[i].fd);
    }
  }
}

void ConnectionAcceptor::AcceptFrom(int listening_descriptor) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  const int descriptor = accept4(listening_descriptor, reinterpret_cast<sockaddr*>(&address), &size,
                                 SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor < 0) {
    if (errno == EMFILE || errno == ENFILE) {
      RefuseWithReserve(listening_descriptor);
    } else if (errno == ENOBUFS || errno == ENOMEM) {
      absl::SleepFor(kPause);
    }
    return;  // otherwise the client has disconnected already
  }
  if (!open_->Admit(descriptor, address)) return Refuse(descriptor, "too many connections");
  SetOptions(descriptor);
  take_(listening_descriptor, descriptor);
}

void ConnectionAcceptor::Refuse(int descriptor, absl::string_view why) {
  close(descriptor);
  {
    MutexLock lock(&mutex_);
    ++refused_;
  }
  const std::optional<int64_t> left_out = refusals_.Take(absl::Now());
  if (!left_out.has_value()) return;
  Log(LogLevel::kWarning, "connection_refused")
      .Field("reason", why)
      .Field("max_connections", open_->max())
      .Field("left_out", *left_out);
}

void ConnectionAcceptor::RefuseWithReserve(int listening_descriptor) {
  close(reserve_);
  const int descriptor = accept4(listening_descriptor, nullptr, nullptr, SOCK_CLOEXEC);
  if (descriptor >= 0) {
    Refuse(descriptor, "no descriptor left");
  } else {
    absl::SleepFor(kPause);  // another thread took the freed descriptor
  }
  reserve_ = OpenReserve();
}

}  // namespace syncline::rpc
