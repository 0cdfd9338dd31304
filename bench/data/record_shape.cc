#include "bench/data/record_shape.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace syncline::bench {

Draws MakeDraws(int64_t number, int64_t revision) {
  return Draws(static_cast<uint64_t>(number) * 2 + (static_cast<uint64_t>(revision) << 48));
}

namespace {

// The main shape: 12 columns of all common kinds, about 250 bytes of JSON.
void FillMixed12(int64_t number, int64_t revision, std::vector<Cell>* cells) {
  Draws draws = MakeDraws(number, revision);
  std::vector<Cell>& c = *cells;
  c[0].text = absl::StrCat(number);
  c[1].text = absl::StrFormat("AC-%08d", draws.Between(0, 99'999'999));
  c[2].text = absl::StrCat(draws.Word(), " ", draws.Word());
  c[3].text = draws.Percent(50) ? "true" : "false";
  c[4].text = draws.Cents(-99'999, 9'999'999);
  c[5].text = absl::StrFormat("0.%06d", draws.Between(0, 999'999));
  c[6].text = draws.Timestamp();
  c[7].text = draws.Date();
  c[8].text = absl::StrCat(draws.Between(1, 500));
  c[9].text = draws.Word();
  c[10].null = draws.Percent(10);
  if (!c[10].null) c[10].text = draws.Text(draws.Between(4, 12));
  c[11].text =
      absl::StrFormat(R"({"tier": %d, "tag": "t%d"})", draws.Between(1, 5), draws.Between(1, 90));
}

// The columns of TPC-H's lineitem.
void FillLineitem(int64_t number, int64_t revision, std::vector<Cell>* cells) {
  Draws draws = MakeDraws(number, revision);
  static constexpr const char* kInstructions[] = {"DELIVER IN PERSON", "COLLECT COD", "NONE",
                                                  "TAKE BACK RETURN"};
  static constexpr const char* kModes[] = {"AIR",     "FOB",  "MAIL", "RAIL",
                                           "REG AIR", "SHIP", "TRUCK"};
  std::vector<Cell>& c = *cells;
  c[0].text = absl::StrCat(number / 4 + 1);
  c[1].text = absl::StrCat(draws.Between(1, 200'000));
  c[2].text = absl::StrCat(draws.Between(1, 10'000));
  c[3].text = absl::StrCat(number % 4 + 1);
  c[4].text = absl::StrCat(draws.Between(1, 50));
  c[5].text = draws.Cents(90'000, 10'000'000);
  c[6].text = absl::StrFormat("0.%02d", draws.Between(0, 10));
  c[7].text = absl::StrFormat("0.%02d", draws.Between(0, 8));
  c[8].text = draws.Percent(50) ? "N" : draws.Percent(50) ? "R" : "A";
  c[9].text = draws.Percent(50) ? "O" : "F";
  for (size_t date = 10; date < 13; ++date) c[date].text = draws.Date();
  c[13].text = kInstructions[draws.Between(0, 3)];
  c[14].text = kModes[draws.Between(0, 6)];
  c[15].text = draws.Text(draws.Between(10, 43));
}

// About 2 KB of text in 10 columns.
void FillWideText(int64_t number, int64_t revision, std::vector<Cell>* cells) {
  Draws draws = MakeDraws(number, revision);
  (*cells)[0].text = absl::StrCat(number);
  for (size_t i = 1; i < cells->size(); ++i) (*cells)[i].text = draws.Text(draws.Between(150, 290));
}

void FillNarrow(int64_t number, int64_t revision, std::vector<Cell>* cells) {
  Draws draws = MakeDraws(number, revision);
  (*cells)[0].text = absl::StrCat(number);
  (*cells)[1].text = absl::StrCat(draws.Between(0, 1'000'000));
}

// Nested objects, as returned by an API.
void FillNested(int64_t number, int64_t revision, std::vector<Cell>* cells) {
  Draws draws = MakeDraws(number, revision);
  std::vector<Cell>& c = *cells;
  c[0].text = absl::StrCat(number);
  c[1].text = absl::StrFormat(
      R"({"city": "city %d", "geo": {"lat": %d.%04d, "lon": %d.%04d}, "lines": ["%d Main St", null]})",
      draws.Between(1, 9999), draws.Between(-89, 89), draws.Between(0, 9999),
      draws.Between(-179, 179), draws.Between(0, 9999), draws.Between(1, 999));
  c[2].text = "[";
  const int64_t items = draws.Between(1, 6);
  for (int64_t i = 0; i < items; ++i) {
    absl::StrAppendFormat(&c[2].text, R"(%s{"sku": "S%06d", "quantity": %d, "price": %s})",
                          i == 0 ? "" : ", ", draws.Between(0, 999'999), draws.Between(1, 9),
                          draws.Cents(100, 99'999));
  }
  c[2].text += "]";
  c[3].text = draws.Timestamp();
}

std::vector<RecordShape> MakeShapes() {
  using Kind = CellKind;
  std::vector<RecordShape> shapes = {
      {"mixed12",
       {{"id", Kind::kInteger},
        {"account", Kind::kText},
        {"name", Kind::kText},
        {"active", Kind::kBoolean},
        {"amount", Kind::kNumber},
        {"score", Kind::kNumber},
        {"created_at", Kind::kTimestamp},
        {"birthday", Kind::kDate},
        {"quantity", Kind::kInteger},
        {"city", Kind::kText},
        {"note", Kind::kText},
        {"attributes", Kind::kJson}},
       FillMixed12},
      {"lineitem",
       {{"l_orderkey", Kind::kInteger},
        {"l_partkey", Kind::kInteger},
        {"l_suppkey", Kind::kInteger},
        {"l_linenumber", Kind::kInteger},
        {"l_quantity", Kind::kNumber},
        {"l_extendedprice", Kind::kNumber},
        {"l_discount", Kind::kNumber},
        {"l_tax", Kind::kNumber},
        {"l_returnflag", Kind::kText},
        {"l_linestatus", Kind::kText},
        {"l_shipdate", Kind::kDate},
        {"l_commitdate", Kind::kDate},
        {"l_receiptdate", Kind::kDate},
        {"l_shipinstruct", Kind::kText},
        {"l_shipmode", Kind::kText},
        {"l_comment", Kind::kText}},
       FillLineitem},
      {"wide_text",
       {{"id", Kind::kInteger},
        {"a", Kind::kText},
        {"b", Kind::kText},
        {"c", Kind::kText},
        {"d", Kind::kText},
        {"e", Kind::kText},
        {"f", Kind::kText},
        {"g", Kind::kText},
        {"h", Kind::kText},
        {"i", Kind::kText}},
       FillWideText},
      {"narrow", {{"id", Kind::kInteger}, {"value", Kind::kInteger}}, FillNarrow},
      {"nested",
       {{"id", Kind::kInteger},
        {"address", Kind::kJson},
        {"items", Kind::kJson},
        {"updated_at", Kind::kTimestamp}},
       FillNested},
  };
  return shapes;
}

}  // namespace

const std::vector<RecordShape>& RecordShapes() {
  static const auto* const shapes = new std::vector<RecordShape>(MakeShapes());
  return *shapes;
}

const RecordShape* FindRecordShape(absl::string_view name) {
  for (const RecordShape& shape : RecordShapes()) {
    if (shape.name == name) return &shape;
  }
  return nullptr;
}

void FillRecord(const RecordShape& shape, int64_t number, int64_t revision,
                std::vector<Cell>* cells) {
  cells->resize(shape.columns.size());
  for (Cell& cell : *cells) {
    cell.null = false;
    cell.text.clear();
  }
  shape.fill(number, revision, cells);
}

}  // namespace syncline::bench
