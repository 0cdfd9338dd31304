#include "base/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"

namespace syncline {
namespace {

using ::testing::HasSubstr;

struct Pair {
  std::string certificate;
  std::string key;
};

std::string Content(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Creates a certificate that is valid for `days`, with the command line of the same TLS library.
Pair Make(const std::string& name, int days) {
  const std::string path = absl::StrCat(::testing::TempDir(), "certificate.", getpid(), ".", name);
  const std::string command = absl::StrCat(
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=", name,
      " -days ", days, " -keyout ", path, ".key -out ", path, ".crt 2>/dev/null");
  EXPECT_EQ(std::system(command.c_str()), 0);
  return {Content(path + ".crt"), Content(path + ".key")};
}

std::string Fault(const std::string& certificate, const std::string& key) {
  const absl::Status status = CheckCertificate(certificate, key).status();
  EXPECT_EQ(GetReason(status), "TLS_CERTIFICATE");
  return std::string(status.message());
}

TEST(CertificateTest, ReturnsEarliestExpiryOfTheChain) {
  const Pair longer = Make("longer", 30);
  const Pair shorter = Make("shorter", 10);
  const absl::StatusOr<absl::Time> end =
      CheckCertificate(absl::StrCat(longer.certificate, shorter.certificate), longer.key);
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_NEAR(absl::ToDoubleHours(*end - absl::Now()), 240, 1);
}

TEST(CertificateTest, ErrorsNameTheFault) {
  const Pair mine = Make("mine", 10);
  const Pair other = Make("other", 10);
  EXPECT_THAT(Fault("", mine.key), HasSubstr("no PEM certificate"));
  EXPECT_THAT(Fault(mine.key, mine.key), HasSubstr("no PEM certificate"));
  EXPECT_THAT(Fault(mine.certificate, ""), HasSubstr("no PEM private key"));
  EXPECT_THAT(Fault(mine.certificate, other.key), HasSubstr("does not match"));
}

}  // namespace
}  // namespace syncline
