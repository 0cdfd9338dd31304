#include "server/rpc/open_connections.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include <array>
#include <cstring>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace syncline::rpc {
namespace {

constexpr absl::Duration kCountInterval = absl::Milliseconds(100);

std::optional<ino_t> GetInode(int descriptor) {
  struct stat status = {};
  if (fstat(descriptor, &status) != 0 || !S_ISSOCK(status.st_mode)) return std::nullopt;
  return status.st_ino;
}

std::string FormatPeer(const in_addr& host, in_port_t port) {
  std::array<char, INET_ADDRSTRLEN> text = {};
  inet_ntop(AF_INET, &host, text.data(), text.size());
  return absl::StrCat("ipv4:", text.data(), ":", ntohs(port));
}

std::string FormatPeer(const in6_addr& host, in_port_t port) {
  if (IN6_IS_ADDR_V4MAPPED(&host)) {
    in_addr mapped = {};
    std::memcpy(&mapped, host.s6_addr + sizeof(host.s6_addr) - sizeof(mapped), sizeof(mapped));
    return FormatPeer(mapped, port);
  }
  std::array<char, INET6_ADDRSTRLEN> text = {};
  inet_ntop(AF_INET6, &host, text.data(), text.size());
  return absl::StrCat("ipv6:%5B", text.data(), "%5D:", ntohs(port));
}

}  // namespace

std::string FormatPeer(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    sockaddr_in v4 = {};
    std::memcpy(&v4, &address, sizeof(v4));
    return FormatPeer(v4.sin_addr, v4.sin_port);
  }
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6 = {};
    std::memcpy(&v6, &address, sizeof(v6));
    return FormatPeer(v6.sin6_addr, v6.sin6_port);
  }
  return "";
}

bool ClientConnection::is_open() const { return GetInode(descriptor_) == inode_; }

std::optional<int64_t> ClientConnection::UnfinishedBytes() const {
  if (!is_open()) return std::nullopt;
  tcp_info info = {};
  socklen_t size = sizeof(info);
  if (getsockopt(descriptor_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  return static_cast<int64_t>(info.tcpi_bytes_received) - message_bytes_;
}

bool OpenConnections::Admit(int descriptor, const sockaddr_storage& address) {
  MutexLock lock(&mutex_);
  // At the limit, each new connection would otherwise check all open ones.
  const bool full = static_cast<int64_t>(open_.size()) >= max_;
  if (full && absl::Now() - counted_at_ >= kCountInterval) ForgetClosed();
  if (static_cast<int64_t>(open_.size()) >= max_) return false;
  const std::optional<ino_t> inode = GetInode(descriptor);
  if (!inode.has_value()) return true;
  const auto before = open_.find(descriptor);
  if (before != open_.end()) Forget(before);
  const auto connection = std::make_shared<ClientConnection>(descriptor, *inode);
  std::string peer = FormatPeer(address);
  by_peer_[peer] = connection;
  open_[descriptor] = {std::move(peer), connection};
  return true;
}

std::shared_ptr<ClientConnection> OpenConnections::Find(absl::string_view peer) const {
  MutexLock lock(&mutex_);
  const auto found = by_peer_.find(peer);
  return found == by_peer_.end() || !found->second->is_open() ? nullptr : found->second;
}

int64_t OpenConnections::Count() {
  MutexLock lock(&mutex_);
  ForgetClosed();
  return static_cast<int64_t>(open_.size());
}

OpenConnections::ByDescriptor::iterator OpenConnections::Forget(ByDescriptor::iterator open) {
  // A later connection may have come from the same address and port.
  const auto named = by_peer_.find(open->second.peer);
  if (named != by_peer_.end() && named->second == open->second.connection) by_peer_.erase(named);
  return open_.erase(open);
}

void OpenConnections::ForgetClosed() {
  counted_at_ = absl::Now();
  for (auto open = open_.begin(); open != open_.end();) {
    open = open->second.connection->is_open() ? std::next(open) : Forget(open);
  }
}

}  // namespace syncline::rpc
