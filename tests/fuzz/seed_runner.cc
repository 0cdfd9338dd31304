// Runs a fuzz target on one file or on every file of a directory, so that the seeds are tests with
// any compiler.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

namespace fs = std::filesystem;

bool RunFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  if (!file.is_open()) {
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    return false;
  }
  // Printed before the run, because a violated property aborts the process.
  std::fprintf(stderr, "%s\n", path.c_str());
  // A copy of exactly this size, so that a sanitizer detects reads beyond its end.
  const std::vector<uint8_t> input(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(input.data(), input.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  int runs = 0;
  for (int i = 1; i < argc; ++i) {
    if (!fs::is_directory(argv[i])) {
      if (!RunFile(argv[i])) return 1;
      ++runs;
      continue;
    }
    for (const fs::directory_entry& entry : fs::directory_iterator(argv[i])) {
      if (!RunFile(entry.path())) return 1;
      ++runs;
    }
  }
  std::fprintf(stderr, "%d inputs\n", runs);
  // Without any seed the path is wrong, so this is a failure.
  return runs == 0 ? 1 : 0;
}
