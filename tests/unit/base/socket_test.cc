// Tests of listening sockets and of the descriptor limit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/descriptor_limit.h"
#include "base/error.h"
#include "base/listening_socket.h"

namespace syncline {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(ListeningSocketsTest, PortZeroIsTheSameForAllAddressesOfAName) {
  const absl::StatusOr<ListeningSockets> numeric = ListeningSockets::Open("127.0.0.1:0");
  ASSERT_TRUE(numeric.ok()) << numeric.status();
  EXPECT_GT(numeric->port(), 0);
  EXPECT_THAT(numeric->descriptors(), SizeIs(1));
  const absl::StatusOr<ListeningSockets> name = ListeningSockets::Open("localhost:0");
  ASSERT_TRUE(name.ok()) << name.status();
  EXPECT_GT(name->port(), 0);
}

TEST(ListeningSocketsTest, TakenPortIsANamedError) {
  const absl::StatusOr<ListeningSockets> first = ListeningSockets::Open("127.0.0.1:0");
  ASSERT_TRUE(first.ok()) << first.status();
  for (const char* host : {"127.0.0.1", "localhost", "0.0.0.0"}) {
    const absl::Status second =
        ListeningSockets::Open(absl::StrCat(host, ":", first->port())).status();
    EXPECT_EQ(GetReason(second), "LISTEN_FAILED") << host;
    EXPECT_THAT(std::string(second.message()), HasSubstr("in use")) << host;
  }
}

TEST(ListeningSocketsTest, RefusesMalformedAddresses) {
  for (const char* address : {"9464", ":9464", "host:", "host:70000", "127.0.0.1:-1"}) {
    EXPECT_EQ(ListeningSockets::Open(address).status().code(), absl::StatusCode::kInvalidArgument)
        << address;
  }
  // No machine has an address of TEST-NET-1.
  EXPECT_EQ(GetReason(ListeningSockets::Open("192.0.2.1:0").status()), "LISTEN_FAILED");
}

TEST(DescriptorLimitTest, IsRaisedToTheHardLimit) {
  const int64_t before = DescriptorLimit();
  RaiseDescriptorLimit();
  EXPECT_GE(DescriptorLimit(), before);
  EXPECT_GT(DescriptorLimit(), 0);
}

}  // namespace
}  // namespace syncline
