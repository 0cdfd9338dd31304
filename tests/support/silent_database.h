// A database that accepts connections and never answers, until it closes them.
//
// Used by one thread, while others try to connect.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/postgres/connection/connection.h"
#include "tests/support/loopback_address.h"

namespace syncline::testing {

class SilentDatabase {
 public:
  SilentDatabase() : listening_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = LoopbackAddress(0);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(listening_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listening_, 8), 0);
    EXPECT_EQ(getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    options_.conninfo = absl::StrCat("host=127.0.0.1 port=", ntohs(address.sin_port),
                                     " user=u dbname=d sslmode=disable gssencmode=disable");
    options_.connect_timeout = absl::Seconds(60);
  }
  ~SilentDatabase() { Close(); }

  const postgres::ConnectionOptions& options() const { return options_; }
  void WaitForConnection() { accepted_ = accept(listening_, nullptr, nullptr); }
  // Ends its connections, and accepts no more.
  void Close() {
    for (int* const fd : {&accepted_, &listening_}) {
      if (*fd >= 0) close(std::exchange(*fd, -1));
    }
  }

 private:
  int listening_;
  int accepted_ = -1;
  postgres::ConnectionOptions options_;
};

}  // namespace syncline::testing
