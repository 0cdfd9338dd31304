#include "bench/runner/machine.h"

#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"

namespace syncline::bench {

namespace {

std::string CpuModel() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    const size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "unknown";
}

}  // namespace

absl::StatusOr<Facts> DescribeRun(Bench& bench) {
  struct sysinfo memory = {};
  sysinfo(&memory);
  utsname kernel = {};
  uname(&kernel);
  Facts facts = {
      {"date", absl::FormatTime("%Y-%m-%d", absl::Now(), absl::UTCTimeZone())},
      {"cpu", CpuModel()},
      {"cores", absl::StrCat(sysconf(_SC_NPROCESSORS_ONLN))},
      {"memory_gib", absl::StrCat((memory.totalram * memory.mem_unit) >> 30)},
      {"kernel", kernel.release},
      {"records", absl::StrCat(bench.options().records)},
      {"repetitions", absl::StrCat(bench.options().repetitions)},
  };
  SYNCLINE_ASSIGN_OR_RETURN(std::string version, bench.database().Value("SHOW server_version"));
  facts.emplace_back("postgresql", std::move(version));
  for (const char* setting : {"shared_buffers", "max_wal_size", "wal_level", "fsync",
                              "full_page_writes", "synchronous_commit", "autovacuum"}) {
    SYNCLINE_ASSIGN_OR_RETURN(std::string value,
                              bench.database().Value(absl::StrCat("SHOW ", setting)));
    facts.emplace_back(setting, std::move(value));
  }
  return facts;
}

}  // namespace syncline::bench
