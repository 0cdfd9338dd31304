// Random values of a record with their expected results, which follow from how the values were made
// and not from parsing: the plain reference of the differential test of coercion.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/model/column_type.h"

namespace syncline::testing {

struct ReferenceValue {
  std::string json;                 // the text in the record; empty: the field is missing
  std::optional<std::string> text;  // what the column must hold, as PostgreSQL reads it; or NULL
  std::string change;               // "NULLED", "TRUNCATED" or ""
  std::string reason;
};

class ReferenceValues {
 public:
  explicit ReferenceValues(uint32_t seed) : random_(seed) {}

  // Returns a value for a column of `type`: usually one that fits, sometimes one that does not.
  ReferenceValue Next(ColumnType type, JsonShape shape);

  int64_t Pick(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }
  bool Chance(int64_t one_in) { return Pick(1, one_in) == 1; }
  template <typename T>
  T OneOf(const std::vector<T>& choices) {
    return choices[static_cast<size_t>(Pick(0, static_cast<int64_t>(choices.size()) - 1))];
  }
  std::mt19937& random() { return random_; }

 private:
  struct Text {
    std::string json;   // with its quotes
    std::string plain;  // without NUL, lone surrogates replaced
    bool cleaned = false;
  };
  struct Json {
    std::string json;     // with random white space
    std::string compact;  // without white space
    bool cleaned = false;
    bool too_large = false;  // a number that numeric cannot hold
  };

  ReferenceValue Integer();
  ReferenceValue Number();
  ReferenceValue Boolean();
  ReferenceValue String();
  ReferenceValue Date();
  ReferenceValue Timestamp(bool with_zone);
  ReferenceValue Time(bool with_zone);
  ReferenceValue Bytes();
  ReferenceValue AnyJson(JsonShape shape);

  Text RandomText(int64_t most);
  Json RandomJson(int depth, JsonShape shape);
  std::string Digits(int64_t count);
  std::string Space();
  // A day of the calendar, "y-m-d" as PostgreSQL reads it.
  std::string Day(int64_t last_year);
  // A time of day; `kept` omits the digits beyond microseconds.
  void Clock(std::string* written, std::string* kept);
  std::string Zone();

  std::mt19937 random_;
};

}  // namespace syncline::testing
