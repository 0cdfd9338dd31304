#include "bench/scenarios/scenarios.h"

#include "absl/strings/match.h"

namespace syncline::bench {

const std::vector<Scenario>& Scenarios() {
  static const auto* const scenarios = new std::vector<Scenario>{
      {"write", {}, "an Airbyte source's messages through syncline write", RunWrite},
      {"load", {"P1", "P1u", "P5"}, "append JSONL through syncline load", RunLoad},
      {"gzip", {"P15"}, "load of a gzip file, against the plain file", RunGzip},
      {"typed", {"P2"}, "append typed rows through the C++ stream writer", RunTyped},
      {"replace", {"P3"}, "replace of a full table, against an append", RunReplace},
      {"in-place", {}, "replace of a full table in place, against a swap", RunInPlace},
      {"dedup", {"P4", "P4u"}, "changed rows merged, against INSERT ON CONFLICT", RunDedup},
      {"memory", {"P6"}, "the server's memory during a long stream", RunMemory},
      {"memory-streams", {}, "the server's memory with 64 streams", RunMemoryOfStreams},
      {"streams", {"P7"}, "16 concurrent streams, against one", RunStreams},
      {"swap", {"P8"}, "the effect of a swap on readers", RunSwap},
      {"latency", {"P9"}, "one record per call, against INSERT", RunLatency},
      {"acks",
       {"P9b", "P11"},
       "1 to 64 callers with one record at a time, against INSERT",
       RunAcks},
      {"ack-rates", {"growth"}, "acks at fixed rates, against INSERT", RunAckRates, false},
      {"idle", {"P10"}, "a busy stream with 500 idle ones", RunIdle},
      {"states", {"P12"}, "a STATE after every record, against one STATE", RunStates},
      {"control-plane",
       {"P14"},
       "1,000 streams start and end, against CREATE TABLE",
       RunControlPlane},
      {"shapes", {}, "other shapes of records, against \\copy", RunShapes},
      {"citus", {}, "load into a Citus cluster, against an ordinary table", RunCitus, false},
      {"syncs", {}, "6,000 short syncs in one process", RunShortSyncs, false},
      {"growth-columns", {"growth"}, "by number of columns", RunGrowthByColumns, false},
      {"growth-bytes", {"growth"}, "by size of a record", RunGrowthByBytes, false},
      {"growth-streams", {"growth"}, "by number of concurrent streams", RunGrowthByStreams, false},
      {"growth-table", {"growth"}, "dedup by rows of the table", RunGrowthByTable, false},
      {"growth-lanes", {"growth"}, "by lanes of a stream", RunGrowthByLanes, false},
  };
  return *scenarios;
}

bool HasName(const Scenario& scenario, absl::string_view word) {
  if (absl::EqualsIgnoreCase(scenario.name, word)) return true;
  for (const char* id : scenario.ids) {
    if (absl::EqualsIgnoreCase(id, word)) return true;
  }
  return false;
}

}  // namespace syncline::bench
