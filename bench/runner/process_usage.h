// What a process has used, by /proc. Zeros for a process that is gone.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace syncline::bench {

// CPU seconds of the process itself; a zombie still has its own.
double CpuSeconds(pid_t pid);

// CPU seconds of a postmaster, of all its children, and of those that have ended: it waits for
// each, and their times then count as its children's. Take it while no backend is starting or
// ending.
double PostgresCpuSeconds(pid_t postmaster);

// Its children now.
std::vector<pid_t> ChildrenOf(pid_t parent);

// The most memory that it ever had resident.
int64_t PeakMemoryBytes(pid_t pid);

// What it holds now.
struct ProcessHoldings {
  int64_t resident_bytes = 0;
  int64_t threads = 0;
  int64_t descriptors = 0;
};
ProcessHoldings HoldingsOf(pid_t pid);

}  // namespace syncline::bench
