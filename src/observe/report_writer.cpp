#include <cerrno>
#include <cstring>
#include <fstream>
#include <ostream>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/report.h>

#include "observe/report_page.h"
#include "text/printable.h"

namespace cbr {

void write_report(std::ostream& out, std::span<const Recording> recordings,
                  const RecordingOrigin& origin) {
  observe::ReportPage page;
  for (const Recording& recording : recordings) page.add_recording(recording, origin);
  page.write(out);
}

void write_report(const Recording& recording, const std::filesystem::path& path,
                  const RecordingOrigin& origin) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (file) write_report(file, {&recording, 1}, origin);
  file.close();
  if (!file) {
    throw Error(
        fmt::format("can't write {}: {}", text::printable_path(path), std::strerror(errno)));
  }
}

}  // namespace cbr
