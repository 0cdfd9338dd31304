// The ports that tests reserve for their servers belong to one test at a time.
#include "tests/support/reserved_port.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/listening_socket.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

// Among 300 of the 12,001 ports, two would almost certainly be the same if each were only looked
// at.
TEST(ReservedPortTest, PortsDiffer) {
  const std::array<ReservedPort, 300> reserved;
  std::set<int> ports;
  for (const ReservedPort& port : reserved) EXPECT_TRUE(ports.insert(port.port()).second);
}

TEST(ReservedPortTest, ServerCanListenAgainAndAgain) {
  const ReservedPort reserved;
  const std::string address = absl::StrCat("127.0.0.1:", reserved.port());
  for (int start = 0; start < 2; ++start) {
    const absl::StatusOr<ListeningSockets> server = ListeningSockets::Open(address);
    EXPECT_OK(server);
    EXPECT_FALSE(ListeningSockets::Open(address).ok());
  }
}

}  // namespace
}  // namespace syncline::testing
