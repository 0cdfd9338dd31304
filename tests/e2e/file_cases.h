// Files as people have them, each with what `syncline load` must do with it.
#pragma once

#include <string>
#include <vector>

namespace syncline::testing {

struct FileCase {
  std::string name;
  std::string content;
  // The table's rows as JSON text in order, without the meta columns; empty: there is no table.
  std::vector<std::string> rows;
  std::vector<std::string> words = {};  // that stderr must contain
  std::vector<std::string> flags = {};
  int exit_code = 0;
  bool from_stdin = false;
};

// CSV files of several dialects.
std::vector<FileCase> CsvFiles();
// CSV files that need a flag, or whose columns are changed by one.
std::vector<FileCase> FlagFiles();
std::vector<FileCase> JsonFiles();
// Text that is not UTF-8, or has a byte order mark.
std::vector<FileCase> EncodedFiles();
std::vector<FileCase> CompressedFiles();
// Files that are neither JSON nor CSV.
std::vector<FileCase> ForeignFiles();

}  // namespace syncline::testing
