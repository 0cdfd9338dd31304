#include "tests/support/old_server.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace syncline::testing {
namespace {

std::string Int32(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>((value >> static_cast<unsigned>(shift)) & 0xffU));
  }
  return bytes;
}

std::string Message(char kind, const std::string& body) {
  return absl::StrCat(std::string(1, kind), Int32(static_cast<uint32_t>(body.size()) + 4), body);
}

std::string Setting(absl::string_view name, absl::string_view value) {
  return Message('S', absl::StrCat(name, std::string(1, '\0'), value, std::string(1, '\0')));
}

// Returns what a server sends to a client that it has accepted without a password.
std::string Greeting(const std::string& version) {
  return absl::StrCat(Message('R', Int32(0)), Setting("server_version", version),
                      Setting("client_encoding", "UTF8"),
                      Setting("standard_conforming_strings", "on"),
                      Message('K', absl::StrCat(Int32(1), Int32(1))), Message('Z', "I"));
}

// Greets the client and reads until it closes the connection.
void Talk(int client, const std::string& greeting) {
  std::array<char, 4096> buffer;
  if (recv(client, buffer.data(), buffer.size(), 0) > 0 &&
      send(client, greeting.data(), greeting.size(), MSG_NOSIGNAL) > 0) {
    while (recv(client, buffer.data(), buffer.size(), 0) > 0) continue;
  }
  close(client);
}

}  // namespace

absl::StatusOr<std::unique_ptr<OldServer>> OldServer::Start(absl::string_view version) {
  SYNCLINE_ASSIGN_OR_RETURN(ListeningSockets listener, ListeningSockets::Open("127.0.0.1:0"));
  return std::unique_ptr<OldServer>(new OldServer(version, std::move(listener)));
}

OldServer::OldServer(absl::string_view version, ListeningSockets listener)
    : version_(version), listener_(std::move(listener)) {
  thread_ = std::make_unique<Thread>("old-server", [this] { Serve(); });
}

OldServer::~OldServer() { stop_.Set(); }

std::string OldServer::dsn() const {
  return absl::StrCat("host=127.0.0.1 port=", listener_.port(),
                      " user=u dbname=d sslmode=disable gssencmode=disable");
}

void OldServer::Serve() {
  const int listener = listener_.descriptors().front();
  while (true) {
    std::array<pollfd, 2> ready = {{{listener, POLLIN, 0}, {stop_.descriptor(), POLLIN, 0}}};
    if (poll(ready.data(), ready.size(), -1) <= 0) continue;
    if (ready[1].revents != 0) return;
    const int client = accept(listener, nullptr, nullptr);
    if (client >= 0) Talk(client, Greeting(version_));
  }
}

}  // namespace syncline::testing
