// Returns the seed of a test with random input. It is printed, and is taken from SYNCLINE_TEST_SEED
// to repeat a run.
//
// A test whose search space is far larger than what one run covers has a fixed seed, so that the
// result of a run depends only on the change under test. Other seeds are searched elsewhere
// (scripts/chaos, SYNCLINE_MATRIX_ROUNDS).
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>

namespace syncline {

inline uint32_t RandomSeed(std::optional<uint32_t> fixed = std::nullopt) {
  const char* const given = std::getenv("SYNCLINE_TEST_SEED");
  uint32_t seed = 0;
  if (given != nullptr) {
    seed = static_cast<uint32_t>(std::strtoul(given, nullptr, 10));
  } else {
    seed = fixed.has_value() ? *fixed : std::random_device()();
  }
  std::printf("SYNCLINE_TEST_SEED=%u\n", seed);
  return seed;
}

}  // namespace syncline
