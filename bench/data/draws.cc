#include "bench/data/draws.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"

namespace syncline::bench {
namespace {

// Some are not ASCII, and some need escapes in JSON or in COPY's text format, as in real text.
constexpr std::array<const char*, 32> kWords = {
    "amber",   "harbour", "quiet",  "ledger",  "Zürich", "falcon",      "orchid", "copper",
    "meadow",  "signal",  "winter", "pencil",  "garden", "\"quoted\"",  "river",  "violet",
    "lantern", "marble",  "café",   "thunder", "silver", "compass",     "island", "tab\tstop",
    "velvet",  "canyon",  "ember",  "prairie", "naïve",  "back\\slash", "summit", "walnut"};

}  // namespace

const char* Draws::Word() { return kWords[Next() % kWords.size()]; }

std::string Draws::Text(int64_t length) {
  std::string text;
  while (static_cast<int64_t>(text.size()) < length) absl::StrAppend(&text, Word(), " ");
  text.resize(static_cast<size_t>(length));
  // Cutting must not leave part of a character. Every letter of the words has at most two bytes.
  if (static_cast<unsigned char>(text.back()) >= 0xc0) text.back() = '.';
  return text;
}

std::string Draws::Cents(int64_t least_cents, int64_t greatest_cents) {
  const int64_t cents = Between(least_cents, greatest_cents);
  const int64_t size = cents < 0 ? -cents : cents;
  return absl::StrFormat("%s%d.%02d", cents < 0 ? "-" : "", size / 100, size % 100);
}

std::string Draws::Date() {
  const absl::CivilDay day = absl::CivilDay(1970, 1, 1) + Between(0, 22000);
  return absl::StrFormat("%04d-%02d-%02d", day.year(), day.month(), day.day());
}

std::string Draws::Timestamp() {
  const absl::CivilSecond second = absl::CivilSecond(2020, 1, 1) + Between(0, 157'680'000);
  return absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", second.year(), second.month(),
                         second.day(), second.hour(), second.minute(), second.second(),
                         Between(0, 999'999));
}

}  // namespace syncline::bench
