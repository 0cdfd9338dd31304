// Pseudo-random values for one record. The same seed gives the same values on every machine.
//
// std:: distributions are not used, because the standard does not define their results.
#pragma once

#include <cstdint>
#include <string>

namespace syncline::bench {

class Draws {
 public:
  explicit Draws(uint64_t seed) : state_(seed) {}

  // The splitmix64 generator.
  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  // Returns a number from min to max, both included.
  int64_t Between(int64_t min, int64_t max) {
    return min + static_cast<int64_t>(Next() % static_cast<uint64_t>(max - min + 1));
  }

  // Returns true with a probability of `percent` percent.
  bool Percent(int percent) { return Between(0, 99) < percent; }

  // Returns a word from a list.
  const char* Word();
  // Returns words separated by spaces, cut to `length` bytes.
  std::string Text(int64_t length);
  // Returns an amount such as "123.45".
  std::string Cents(int64_t least_cents, int64_t greatest_cents);
  // Returns a date such as "2001-02-03" between 1970 and 2030.
  std::string Date();
  // Returns a timestamp such as "2024-02-03T04:05:06.123456Z".
  std::string Timestamp();

 private:
  uint64_t state_;
};

}  // namespace syncline::bench
