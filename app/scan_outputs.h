// The files that a scan writes, opened before anything is read: a mistake in
// one of them costs no time, and never an input.
#ifndef ODDVERB_APP_SCAN_OUTPUTS_H_
#define ODDVERB_APP_SCAN_OUTPUTS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "app/dead_letter.h"
#include "app/scan_options.h"
#include "exporters/exporters.h"
#include "exporters/output_file.h"

namespace oddverb {

struct ScanOutputs {
  std::unique_ptr<Exporter> findings;
  std::unique_ptr<DeadLetterFile> dead_letter;  // null = none
  std::unique_ptr<OutputFile> metrics;          // null = none
};

// InvalidArgument where an output would overwrite one of `inputs` (as
// ExpandPaths() returns them) or another output; nothing has been touched then.
// Else the error of OutputFile::Open. Messages begin with the flag.
absl::StatusOr<ScanOutputs> OpenOutputs(const ScanOptions& options,
                                        const std::vector<std::string>& inputs);

// Name of the exporter: as asked for, or a table for a person.
std::string FormatOf(const ScanOptions& options);

}  // namespace oddverb

#endif  // ODDVERB_APP_SCAN_OUTPUTS_H_
