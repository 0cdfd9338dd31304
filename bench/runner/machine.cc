#include "bench/runner/machine.h"

#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/status_macros.h"

namespace syncline::bench {

absl::StatusOr<Facts> DescribeRun(Bench& bench) {
  struct sysinfo memory = {};
  sysinfo(&memory);
  utsname kernel = {};
  uname(&kernel);
  Facts facts = {
      {"date", absl::FormatTime("%Y-%m-%d", absl::Now(), absl::UTCTimeZone())},
      {"cores", absl::StrCat(sysconf(_SC_NPROCESSORS_ONLN))},
      {"memory_gib", absl::StrCat((memory.totalram * memory.mem_unit) >> 30)},
      {"kernel", kernel.release},
      {"records", absl::StrCat(bench.options().records)},
      {"repetitions", absl::StrCat(bench.options().repetitions)},
  };
  SYNCLINE_ASSIGN_OR_RETURN(std::string version, bench.database().Value("SHOW server_version"));
  facts.emplace_back("postgresql", std::move(version));
  for (const char* setting : {"shared_buffers", "max_wal_size", "wal_level"}) {
    SYNCLINE_ASSIGN_OR_RETURN(std::string value,
                              bench.database().Value(absl::StrCat("SHOW ", setting)));
    facts.emplace_back(setting, std::move(value));
  }
  return facts;
}

}  // namespace syncline::bench
