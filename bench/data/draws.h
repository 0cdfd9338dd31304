// Pseudo-random draws for one record: the same seed gives the same draws on every machine.
//
// Not std:: distributions: the standard leaves open what they draw.
#pragma once

#include <cstdint>
#include <string>

namespace syncline::bench {

class Draws {
 public:
  explicit Draws(uint64_t seed) : state_(seed) {}

  // splitmix64
  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  // least..greatest, both included.
  int64_t Between(int64_t least, int64_t greatest) {
    return least + static_cast<int64_t>(Next() % static_cast<uint64_t>(greatest - least + 1));
  }

  // True `percent` times of a hundred.
  bool Percent(int percent) { return Between(0, 99) < percent; }

  // One of a list of words.
  const char* Word();
  // Words with blanks between, cut to `length` bytes.
  std::string Text(int64_t length);
  // "123.45"
  std::string Cents(int64_t least_cents, int64_t greatest_cents);
  // "2001-02-03" of 1970 to 2030
  std::string Date();
  // "2024-02-03T04:05:06.123456Z"
  std::string Timestamp();

 private:
  uint64_t state_;
};

}  // namespace syncline::bench
