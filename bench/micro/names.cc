// Nanoseconds per name at the start of a sync: mapping a stream's fields to columns.
#include "server/model/names.h"

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace syncline::bench {
namespace {

void Map(benchmark::State& state, const std::string& stem) {
  std::vector<std::string> fields;
  for (int i = 0; i < 100; ++i) fields.push_back(absl::StrCat(stem, i));
  for (auto _ : state) benchmark::DoNotOptimize(MapColumnNames(fields));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(fields.size()));
}

void Plain(benchmark::State& state) { Map(state, "column_name_"); }
BENCHMARK(Plain)->Name("name/plain");

void Accented(benchmark::State& state) { Map(state, "Größe der Straße "); }
BENCHMARK(Accented)->Name("name/accents and spaces");

void Long(benchmark::State& state) { Map(state, std::string(80, 'x')); }
BENCHMARK(Long)->Name("name/longer than 63 bytes");

}  // namespace
}  // namespace syncline::bench
