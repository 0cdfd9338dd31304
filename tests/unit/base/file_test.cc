#include "base/file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/error.h"

namespace syncline {
namespace {

std::string PathOf(const std::string& name) {
  return absl::StrCat(::testing::TempDir(), "base_file_test.", getpid(), ".", name);
}

TEST(FileTest, ReadsEveryByte) {
  const std::string path = PathOf("content");
  constexpr size_t kSizes[] = {0, 1, 65535, 65536, 65537, 300000};
  for (const size_t size : kSizes) {
    std::string content;
    for (size_t i = 0; i < size; ++i) content.push_back(static_cast<char>(i * 7));
    std::ofstream(path, std::ios::binary) << content;
    const absl::StatusOr<std::string> read = ReadFile(path);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(*read == content) << size;
  }
  std::remove(path.c_str());
}

// The size of such a file is not known before its end.
TEST(FileTest, ReadsAFileWithoutASize) {
  const absl::StatusOr<std::string> read = ReadFile("/proc/self/status");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_NE(read->find("VmRSS:"), std::string::npos);
}

TEST(FileTest, ErrorNamesThePathAndTheReason) {
  const std::string missing = PathOf("missing");
  const absl::Status status = ReadFile(missing).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(GetReason(status), "FILE_UNREADABLE");
  EXPECT_EQ(status.message(), absl::StrCat("cannot read ", missing, ": No such file or directory"));
  EXPECT_EQ(ReadFile("/").status().message(), "cannot read /: Is a directory");
}

}  // namespace
}  // namespace syncline
