// Resource usage of a process, from /proc. All values are 0 for a process that does not exist.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace syncline::bench {

// Returns the CPU seconds of the process itself. A zombie still has them.
double CpuSeconds(pid_t pid);

// Returns the CPU seconds of a postmaster, all its children, and its former children, whose times
// the kernel adds when the postmaster waits for them. Must not be called while a backend is
// starting or ending.
double PostgresCpuSeconds(pid_t postmaster);

// Returns the current children of `parent`.
std::vector<pid_t> FindChildren(pid_t parent);

// Returns the peak resident memory of the process.
int64_t PeakMemoryBytes(pid_t pid);

// Current usage of a process.
struct ProcessResources {
  int64_t resident_bytes = 0;
  int64_t threads = 0;
  int64_t descriptors = 0;
};
ProcessResources ReadProcessResources(pid_t pid);

}  // namespace syncline::bench
