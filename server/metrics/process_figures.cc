#include "server/metrics/process_figures.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "absl/strings/numbers.h"
#include "base/descriptor_limit.h"

namespace syncline::metrics {
namespace {

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

int64_t OpenDescriptors() {
  std::error_code failed;
  int64_t count = 0;
  for (auto it = std::filesystem::directory_iterator("/proc/self/fd", failed);
       !failed && it != std::filesystem::directory_iterator(); it.increment(failed)) {
    ++count;
  }
  return count;
}

}  // namespace

ProcessFigures ReadProcessFigures() {
  ProcessFigures figures;
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::string value;
    if (word == "VmRSS:" && status >> value && absl::SimpleAtoi(value, &figures.resident_bytes)) {
      figures.resident_bytes *= 1024;
    }
    if (word == "Threads:" && status >> value) {
      static_cast<void>(absl::SimpleAtoi(value, &figures.threads));
    }
  }
  rusage usage = {};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    figures.cpu_seconds = Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
  }
  figures.open_descriptors = OpenDescriptors();
  figures.max_descriptors = DescriptorLimit();
  return figures;
}

}  // namespace syncline::metrics
