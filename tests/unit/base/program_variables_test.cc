#include "base/program_variables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace syncline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ProgramVariablesTest, AreSorted) {
  const auto variables = ProgramVariables();
  EXPECT_TRUE(std::is_sorted(variables.begin(), variables.end()));
}

TEST(ProgramVariablesTest, NamesMisspelledVariables) {
  const char* const environment[] = {"HOME=/",
                                     "SYNCLINE_LISTN=127.0.0.1:1",
                                     "SYNCLINE_LISTEN=127.0.0.1:1",
                                     "SYNCLINE_DSN=dbname=x",
                                     "SYNCLINE_SERVER=host:1",
                                     "SYNCLINE_EMBEDDED_POSTGRES_PORT=1",
                                     "SYNCLINE_PORT=50051",
                                     "SYNCLINE_TEST_DSN=dbname=x",
                                     "SYNCLINE_HISTORIES=1",
                                     "SYNCLINEX=1",
                                     nullptr};
  EXPECT_THAT(UnknownVariables(environment),
              ElementsAre("SYNCLINE_DSN", "SYNCLINE_LISTN", "SYNCLINE_PORT"));
}

TEST(ProgramVariablesTest, IgnoresVariablesOfKubernetes) {
  const char* const environment[] = {"SYNCLINE_SERVICE_HOST=10.0.0.1",
                                     "SYNCLINE_SERVICE_PORT=50051",
                                     "SYNCLINE_SERVICE_PORT_GRPC=50051",
                                     "SYNCLINE_PORT=tcp://10.0.0.1:50051",
                                     "SYNCLINE_PORT_50051_TCP=tcp://10.0.0.1:50051",
                                     "SYNCLINE_PORT_50051_TCP_ADDR=10.0.0.1",
                                     "SYNCLINE_ENVOY_SERVICE_HOST=10.0.0.2",
                                     nullptr};
  EXPECT_THAT(UnknownVariables(environment), IsEmpty());
}

}  // namespace
}  // namespace syncline
