#include "tests/support/compressed_data.h"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <vector>

namespace syncline::testing {

std::string Compress(client::Compression compression, absl::string_view text) {
  archive* const writer = archive_write_new();
  archive_write_set_format_raw(writer);
  switch (compression) {
    case client::Compression::kNone:
      break;
    case client::Compression::kGzip:
      archive_write_add_filter_gzip(writer);
      break;
    case client::Compression::kZstd:
      archive_write_add_filter_zstd(writer);
      break;
    case client::Compression::kBzip2:
      archive_write_add_filter_bzip2(writer);
      break;
    case client::Compression::kXz:
      archive_write_add_filter_xz(writer);
      break;
  }
  archive_write_set_bytes_in_last_block(writer, 1);  // no padding
  std::vector<char> output(text.size() * 2 + (size_t{1} << 20));
  size_t used = 0;
  EXPECT_EQ(archive_write_open_memory(writer, output.data(), output.size(), &used), ARCHIVE_OK);
  archive_entry* const entry = archive_entry_new();
  archive_entry_set_filetype(entry, AE_IFREG);
  EXPECT_EQ(archive_write_header(writer, entry), ARCHIVE_OK);
  EXPECT_EQ(archive_write_data(writer, text.data(), text.size()),
            static_cast<la_ssize_t>(text.size()));
  archive_entry_free(entry);
  EXPECT_EQ(archive_write_close(writer), ARCHIVE_OK);
  archive_write_free(writer);
  return std::string(output.data(), used);
}

}  // namespace syncline::testing
