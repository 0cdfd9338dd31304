#include "base/listening_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/status_macros.h"

namespace syncline {
namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

struct HostPort {
  std::string host;
  std::string port;
};

absl::StatusOr<HostPort> Split(absl::string_view address) {
  const size_t colon = address.rfind(':');
  int port = -1;
  if (colon == absl::string_view::npos || colon == 0 ||
      !absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 0 || port > 65535) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     absl::StrCat("\"", address, "\" is not HOST:PORT"), {});
  }
  absl::string_view host = address.substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  return HostPort{std::string(host), absl::StrCat(port)};
}

// The IPv6 wildcard accepts IPv4 clients, too. The IPv4 wildcard is used where IPv6 is missing.
std::vector<std::string> HostsToTry(const std::string& host) {
  if (host == "0.0.0.0") return {"::", host};
  return {host};
}

absl::StatusOr<Addresses> Resolve(const std::string& host, const std::string& port) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (failed != 0) return absl::NotFoundError(gai_strerror(failed));
  return Addresses(found, freeaddrinfo);
}

bool IsForeignAddress(int error) {
  return error == EADDRNOTAVAIL || error == EAFNOSUPPORT || error == EPROTONOSUPPORT;
}

void SetPort(int port, sockaddr_storage* address) {
  const auto in_network_order = htons(static_cast<uint16_t>(port));
  if (address->ss_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(address)->sin6_port = in_network_order;
  } else {
    reinterpret_cast<sockaddr_in*>(address)->sin_port = in_network_order;
  }
}

int GetPort(int descriptor) {
  sockaddr_storage bound = {};
  socklen_t size = sizeof(bound);
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return 0;
  return ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                                           : reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
}

}  // namespace

absl::StatusOr<ListeningSockets> ListeningSockets::Open(absl::string_view address) {
  SYNCLINE_ASSIGN_OR_RETURN(const HostPort at, Split(address));
  absl::Status status = absl::NotFoundError("the host has no address");
  for (const std::string& host : HostsToTry(at.host)) {
    absl::StatusOr<Addresses> addresses = Resolve(host, at.port);
    if (!addresses.ok()) {
      status = addresses.status();
      continue;
    }
    ListeningSockets sockets;
    status = sockets.ListenOnAll(**addresses);
    if (status.ok()) return sockets;
    if (!absl::IsNotFound(status)) break;
  }
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("cannot listen on ", address, ": ", status.message()),
                   {.reason = reason::kListenFailed});
}

absl::Status ListeningSockets::ListenOnAll(const addrinfo& first) {
  absl::Status missing = absl::OkStatus();
  std::set<std::string> seen;
  for (const addrinfo* next = &first; next != nullptr; next = next->ai_next) {
    const std::string bytes(reinterpret_cast<const char*>(next->ai_addr), next->ai_addrlen);
    if (!seen.insert(bytes).second) continue;
    const int error = Listen(*next);
    if (IsForeignAddress(error)) {
      missing = absl::NotFoundError(std::strerror(error));
    } else if (error != 0) {
      return absl::UnavailableError(std::strerror(error));
    }
  }
  return descriptors_.empty() ? missing : absl::OkStatus();
}

int ListeningSockets::Listen(const addrinfo& address) {
  const int descriptor =
      socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (descriptor < 0) return errno;
  descriptors_.push_back(descriptor);
  const int on = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (address.ai_family == AF_INET6) {
    const int only =
        IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6*>(address.ai_addr)->sin6_addr)
            ? 0
            : 1;
    setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
  }
  sockaddr_storage at = {};
  std::memcpy(&at, address.ai_addr, address.ai_addrlen);
  if (port_ != 0) SetPort(port_, &at);
  if (bind(descriptor, reinterpret_cast<const sockaddr*>(&at), address.ai_addrlen) != 0 ||
      listen(descriptor, SOMAXCONN) != 0) {
    const int error = errno;
    close(descriptor);
    descriptors_.pop_back();
    return error;
  }
  port_ = GetPort(descriptor);
  return 0;
}

int ListeningSockets::Connect() const {
  if (descriptors_.empty()) return -1;
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  auto* const at = reinterpret_cast<sockaddr*>(&address);
  if (getsockname(descriptors_.front(), at, &size) != 0) return -1;
  const int descriptor =
      socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  // Connecting to a wildcard address reaches this machine.
  if (descriptor >= 0 && connect(descriptor, at, size) != 0 && errno != EINPROGRESS) {
    close(descriptor);
    return -1;
  }
  return descriptor;
}

ListeningSockets::ListeningSockets(ListeningSockets&& other) noexcept
    : descriptors_(std::exchange(other.descriptors_, {})), port_(other.port_) {}

ListeningSockets::~ListeningSockets() { Close(); }

void ListeningSockets::Close() {
  for (const int descriptor : descriptors_) close(descriptor);
  descriptors_.clear();
}

}  // namespace syncline
