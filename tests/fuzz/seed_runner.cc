// Runs a fuzz target on every file of a directory, or on one file: the seeds as tests, with any
// compiler.
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
  // Named before it runs: a broken property ends the process.
  std::fprintf(stderr, "%s\n", path.c_str());
  // A copy of exactly this size, so that a sanitizer sees what is read beyond it.
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
  // No seed at all is a wrong path, not a success.
  return runs == 0 ? 1 : 0;
}
