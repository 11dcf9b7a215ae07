// Ways out for findings: one format or receiver per file pair. This file is
// their list. A part here sends or fails; it does not queue, retry or sort.
#ifndef ODDVERB_EXPORTERS_EXPORTERS_H_
#define ODDVERB_EXPORTERS_EXPORTERS_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/visible_text.h"
#include "exporters/exporter.h"
#include "exporters/output_file.h"

namespace oddverb {

enum class Colours : uint8_t { kOff, kOn };

// What the terminal can do, as the command line found it (isatty, NO_COLOR,
// COLUMNS, locale). The default is a file.
struct Terminal {
  int columns = 0;  // 0 = no limit
  Colours colours = Colours::kOff;
  Charset charset = Charset::kUtf8;
};

// What an exporter is made from.
struct ExporterSetup {
  std::unique_ptr<OutputFile> output;
  Terminal terminal;
};

// One row of the list.
struct ExporterEntry {
  std::string_view name;
  std::string_view summary;  // one line for `oddverb list outputs`
  absl::StatusOr<std::unique_ptr<Exporter>> (*make)(ExporterSetup setup);
};

// Sorted by name.
std::span<const ExporterEntry> AllExporters();

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_EXPORTERS_H_
