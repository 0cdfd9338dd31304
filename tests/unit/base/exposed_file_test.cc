#include "base/exposed_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace syncline {
namespace {

class ExposedFileTest : public ::testing::Test {
 protected:
  ExposedFileTest() {
    std::string path = (std::filesystem::temp_directory_path() / "exposed-XXXXXX").string();
    directory_ = mkdtemp(path.data());
    file_ = directory_ + "/secret";
    std::ofstream(file_) << "secret";
    chmod(directory_.c_str(), 0755);
  }
  ~ExposedFileTest() override { std::filesystem::remove_all(directory_); }

  std::string ModeWith(mode_t mode) {
    chmod(file_.c_str(), mode);
    return GetModeIfExposed(file_).value_or("");
  }

  std::string directory_;
  std::string file_;
};

TEST_F(ExposedFileTest, ChecksOthersButNotTheGroup) {
  EXPECT_EQ(ModeWith(0644), "0644");
  EXPECT_EQ(ModeWith(0604), "0604");
  for (const mode_t mode : {0600u, 0400u, 0440u, 0640u, 0660u}) EXPECT_EQ(ModeWith(mode), "");
}

TEST_F(ExposedFileTest, ClosedDirectoryProtectsItsFiles) {
  EXPECT_EQ(ModeWith(0644), "0644");
  chmod(directory_.c_str(), 0750);
  EXPECT_EQ(ModeWith(0644), "");
}

TEST_F(ExposedFileTest, FollowsLinks) {
  const std::string link = directory_ + "/link";
  ASSERT_EQ(symlink("secret", link.c_str()), 0);
  EXPECT_EQ(ModeWith(0640), "");
  EXPECT_FALSE(GetModeIfExposed(link).has_value());
  EXPECT_EQ(ModeWith(0644), "0644");
  EXPECT_EQ(GetModeIfExposed(link).value_or(""), "0644");
  EXPECT_FALSE(GetModeIfExposed(directory_ + "/missing").has_value());
}

}  // namespace
}  // namespace syncline
