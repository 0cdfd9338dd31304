#include "bench/data/growing_shapes.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace syncline::bench {
namespace {

constexpr CellKind kKinds[] = {CellKind::kText, CellKind::kBoolean, CellKind::kInteger,
                               CellKind::kDate, CellKind::kNumber};
constexpr size_t kKindCount = sizeof(kKinds) / sizeof(kKinds[0]);

void FillColumns(int64_t number, int64_t revision, std::vector<Cell>* cells) {
  Draws draws = MakeDraws(number, revision);
  (*cells)[0].text = absl::StrCat(number);
  for (size_t i = 1; i < cells->size(); ++i) {
    Cell& cell = (*cells)[i];
    switch (kKinds[i % kKindCount]) {
      case CellKind::kText:
        cell.text = absl::StrFormat("%02d", draws.Between(0, 99));
        break;
      case CellKind::kBoolean:
        cell.text = draws.Percent(50) ? "true" : "false";
        break;
      case CellKind::kDate:
        cell.null = draws.Percent(80);
        if (!cell.null) cell.text = draws.Date();
        break;
      default:  // the two kinds of numbers
        cell.null = draws.Percent(80);
        if (!cell.null) cell.text = absl::StrCat(draws.Between(0, 9999));
        break;
    }
  }
}

// Returns random letters that do not compress. Each draw gives 8 of them.
std::string Letters(int64_t length, Draws* draws) {
  constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text(static_cast<size_t>(length), ' ');
  uint64_t draw = 0;
  for (size_t i = 0; i < text.size(); ++i, draw >>= 6) {
    if (i % 8 == 0) draw = draws->Next();
    text[i] = kLetters[draw & 63];
  }
  return text;
}

}  // namespace

RecordShape ShapeOfColumns(int columns) {
  RecordShape shape = {
      absl::StrCat("columns_", columns), {{"id", CellKind::kInteger}}, FillColumns};
  for (int i = 1; i < columns; ++i) {
    shape.columns.push_back({absl::StrCat("c", i), kKinds[static_cast<size_t>(i) % kKindCount]});
  }
  return shape;
}

RecordShape ShapeOfBytes(int64_t bytes) {
  // {"id":1234567,"body":""} and the line feed
  constexpr int64_t kAround = 25;
  const int64_t length = std::max<int64_t>(bytes - kAround, 1);
  return {absl::StrCat("bytes_", bytes),
          {{"id", CellKind::kInteger}, {"body", CellKind::kText}},
          [length](int64_t number, int64_t revision, std::vector<Cell>* cells) {
            Draws draws = MakeDraws(number, revision);
            (*cells)[0].text = absl::StrCat(number);
            (*cells)[1].text = Letters(length, &draws);
          }};
}

}  // namespace syncline::bench
