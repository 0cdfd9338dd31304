// The seed of a test with random input: printed, and taken from SYNCLINE_TEST_SEED to repeat a run.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace syncline {

inline uint32_t RandomSeed() {
  const char* const given = std::getenv("SYNCLINE_TEST_SEED");
  const uint32_t seed = given != nullptr ? static_cast<uint32_t>(std::strtoul(given, nullptr, 10))
                                         : std::random_device()();
  std::printf("SYNCLINE_TEST_SEED=%u\n", seed);
  return seed;
}

}  // namespace syncline
