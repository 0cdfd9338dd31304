#include "tests/support/fault_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "tests/support/loopback_address.h"

namespace syncline::testing {
namespace {

// Maximum bytes held per direction; the rest stays with the sender.
constexpr size_t kMaxHeldBytes = 256 << 10;
constexpr size_t kCapturedBytes = 64 << 10;
// Resolution of a delay.
constexpr int kTickMs = 1;

void NoDelay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void Reset(int fd) {
  const linger now = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  close(fd);
}

// Returns -1 if nothing listens on the port.
int ConnectTo(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = LoopbackAddress(port);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  close(fd);
  return -1;
}

int LocalPort(int fd) {
  sockaddr_in address = {};
  socklen_t size = sizeof(address);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

bool IsTemporary(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

// The data in flight from one socket to the other.
class Pipe {
 public:
  Pipe(int from, int to) : from_(from), to_(to) {}

  bool CanRead() const { return !ended_ && held_bytes_ < kMaxHeldBytes; }
  bool HasDue(absl::Time now) const { return !held_.empty() && held_.front().due <= now; }
  bool HasLater() const { return !held_.empty(); }

  // Read and Write return false if the connection is broken.
  bool Read(const ProxyFaults& faults) {
    std::array<char, 64 << 10> buffer = {};
    const ssize_t n = recv(from_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0) return IsTemporary(errno);
    if (n == 0) {
      ended_ = true;
      return true;
    }
    held_.push_back(
        {absl::Now() + faults.delay, std::string(buffer.data(), static_cast<size_t>(n))});
    held_bytes_ += static_cast<size_t>(n);
    captured_.append(buffer.data(),
                     std::min(static_cast<size_t>(n), kCapturedBytes - captured_.size()));
    return true;
  }

  bool Write(const ProxyFaults& faults) {
    while (HasDue(absl::Now())) {
      std::string& piece = held_.front().bytes;
      size_t wanted = piece.size();
      if (faults.slice_bytes > 0)
        wanted = std::min(wanted, static_cast<size_t>(faults.slice_bytes));
      if (faults.truncate_at >= 0) {
        wanted = std::min(wanted,
                          static_cast<size_t>(std::max<int64_t>(0, faults.truncate_at - passed_)));
      }
      const ssize_t n = send(to_, piece.data(), wanted, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n < 0) return IsTemporary(errno);
      passed_ += n;
      held_bytes_ -= static_cast<size_t>(n);
      piece.erase(0, static_cast<size_t>(n));
      if (piece.empty()) held_.pop_front();
      if (IsTruncated(faults)) return true;
    }
    if (ended_ && held_.empty() && !std::exchange(told_end_, true)) shutdown(to_, SHUT_WR);
    return true;
  }

  bool IsTruncated(const ProxyFaults& faults) const {
    return faults.truncate_at >= 0 && passed_ >= faults.truncate_at;
  }
  bool done() const { return told_end_; }
  const std::string& captured() const { return captured_; }

 private:
  struct Piece {
    absl::Time due;
    std::string bytes;
  };

  const int from_;
  const int to_;
  std::deque<Piece> held_;
  size_t held_bytes_ = 0;
  int64_t passed_ = 0;
  std::string captured_;
  bool ended_ = false;
  bool told_end_ = false;
};

}  // namespace

// A caller's connection and the matching connection to the server.
class FaultProxy::Link {
 public:
  Link(int client, int server)
      : client_(client),
        server_(server),
        up_(client, server),
        down_(server, client),
        port_(LocalPort(server)) {
    NoDelay(client);
    NoDelay(server);
  }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() {
    if (reset_) {
      Reset(client_);
      Reset(server_);
    } else {
      close(client_);
      close(server_);
    }
  }

  void MarkReset() { reset_ = true; }
  const std::string& captured() const { return up_.captured(); }

  // Appends two entries to poll for. Returns true if a piece becomes due without an event.
  bool Watch(const Faults& faults, std::vector<pollfd>* events) const {
    const absl::Time now = absl::Now();
    pollfd client = {client_, 0, 0};
    pollfd server = {server_, 0, 0};
    if (!faults.to_server.silent) {
      if (up_.CanRead()) client.events |= POLLIN;
      if (up_.HasDue(now)) server.events |= POLLOUT;
    }
    if (!IsSilentToClient(faults)) {
      if (down_.CanRead()) server.events |= POLLIN;
      if (down_.HasDue(now)) client.events |= POLLOUT;
    }
    // poll() reports hang-ups even for descriptors without events, so skip these.
    if (client.events == 0) client.fd = -1;
    if (server.events == 0) server.fd = -1;
    events->push_back(client);
    events->push_back(server);
    return (!faults.to_server.silent && up_.HasLater()) ||
           (!IsSilentToClient(faults) && down_.HasLater());
  }

  // Returns false once the connection has ended.
  bool Move(const Faults& faults, int client_events, int server_events) {
    if (!MoveOne(&up_, faults.to_server, client_events) ||
        !(IsSilentToClient(faults) || MoveOne(&down_, faults.to_client, server_events))) {
      reset_ = true;
      return false;
    }
    if (up_.IsTruncated(faults.to_server) || down_.IsTruncated(faults.to_client)) return false;
    return !(up_.done() && down_.done());
  }

 private:
  bool IsSilentToClient(const Faults& faults) const {
    return faults.to_client.silent || std::find(faults.withheld.begin(), faults.withheld.end(),
                                                port_) != faults.withheld.end();
  }

  static bool MoveOne(Pipe* pipe, const ProxyFaults& faults, int events) {
    if (faults.silent) return true;
    if ((events & (POLLIN | POLLHUP | POLLERR)) != 0 && pipe->CanRead() && !pipe->Read(faults)) {
      return false;
    }
    return pipe->Write(faults);
  }

  const int client_;
  const int server_;
  Pipe up_;
  Pipe down_;
  bool reset_ = false;
  const int port_;  // that the server sees
};

absl::StatusOr<std::unique_ptr<FaultProxy>> FaultProxy::Start(int target_port) {
  SYNCLINE_ASSIGN_OR_RETURN(ListeningSockets listener, ListeningSockets::Open("127.0.0.1:0"));
  const int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0) return absl::InternalError("no eventfd");
  return std::unique_ptr<FaultProxy>(new FaultProxy(std::move(listener), target_port, wake_fd));
}

FaultProxy::FaultProxy(ListeningSockets listener, int target_port, int wake_fd)
    : listener_(std::move(listener)), target_port_(target_port), wake_fd_(wake_fd) {
  thread_ = std::make_unique<Thread>("fault-proxy", [this] { Run(); });
}

FaultProxy::~FaultProxy() {
  {
    MutexLock lock(&mutex_);
    stop_ = true;
  }
  Wake();
  thread_.reset();
  close(wake_fd_);
}

std::string FaultProxy::address() const { return absl::StrCat("127.0.0.1:", port()); }

void FaultProxy::Wake() {
  const uint64_t one = 1;
  // A full counter means that a wake-up is already pending.
  if (write(wake_fd_, &one, sizeof(one)) < 0) return;
}

void FaultProxy::WaitUntilApplied() {
  const int64_t mine = ++orders_;
  Wake();
  while (taken_ < mine) taken_changed_.Wait(&mutex_);
}

void FaultProxy::Set(ProxyWay way, ProxyFaults faults) {
  MutexLock lock(&mutex_);
  (way == ProxyWay::kToServer ? faults_.to_server : faults_.to_client) = faults;
  WaitUntilApplied();
}

void FaultProxy::Silence() {
  MutexLock lock(&mutex_);
  faults_.to_server = {.silent = true};
  faults_.to_client = {.silent = true};
  WaitUntilApplied();
}

void FaultProxy::WithholdReplies(int port) {
  MutexLock lock(&mutex_);
  faults_.withheld.push_back(port);
  WaitUntilApplied();
}

void FaultProxy::Heal() {
  MutexLock lock(&mutex_);
  faults_ = Faults();
  WaitUntilApplied();
}

int FaultProxy::Cut() {
  MutexLock lock(&mutex_);
  cut_ = true;
  WaitUntilApplied();
  return last_cut_;
}

void FaultProxy::RefuseNew(bool refuse) {
  MutexLock lock(&mutex_);
  faults_.refuse_new = refuse;
  WaitUntilApplied();
}

int FaultProxy::connections() const {
  MutexLock lock(&mutex_);
  return open_;
}

int64_t FaultProxy::accepted() const {
  MutexLock lock(&mutex_);
  return accepted_;
}

std::string FaultProxy::captured() const {
  MutexLock lock(&mutex_);
  return captured_;
}

FaultProxy::Faults FaultProxy::TakeOrders() {
  MutexLock lock(&mutex_);
  if (cut_) {
    last_cut_ = static_cast<int>(links_.size());
    for (Link& link : links_) link.MarkReset();
    links_.clear();
    cut_ = false;
  }
  taken_ = orders_;
  taken_changed_.NotifyAll();
  return faults_;
}

void FaultProxy::NoteConnections() {
  MutexLock lock(&mutex_);
  open_ = static_cast<int>(links_.size());
  if (!links_.empty()) captured_ = links_.back().captured();
}

void FaultProxy::Accept(const Faults& faults) {
  const int client = accept4(listener_.descriptors().front(), nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  {
    MutexLock lock(&mutex_);
    ++accepted_;
  }
  const int server = faults.refuse_new ? -1 : ConnectTo(target_port_);
  if (server < 0) return Reset(client);
  links_.emplace_back(client, server);
}

void FaultProxy::Run() {
  while (true) {
    const Faults faults = TakeOrders();
    NoteConnections();
    {
      MutexLock lock(&mutex_);
      if (stop_) break;
    }
    std::vector<pollfd> events = {{wake_fd_, POLLIN, 0},
                                  {listener_.descriptors().front(), POLLIN, 0}};
    bool later = false;
    for (const Link& link : links_) later = link.Watch(faults, &events) || later;
    poll(events.data(), events.size(), later ? kTickMs : -1);
    uint64_t wakes = 0;
    if (read(wake_fd_, &wakes, sizeof(wakes)) < 0) wakes = 0;
    size_t at = 2;
    for (auto link = links_.begin(); link != links_.end(); at += 2) {
      const bool open = link->Move(faults, events[at].revents, events[at + 1].revents);
      link = open ? std::next(link) : links_.erase(link);
    }
    if ((events[1].revents & POLLIN) != 0) Accept(faults);
  }
  for (Link& link : links_) link.MarkReset();
  links_.clear();
}

}  // namespace syncline::testing
