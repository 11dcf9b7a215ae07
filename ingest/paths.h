// Command-line arguments to a list of inputs.
#ifndef ODDVERB_INGEST_PATHS_H_
#define ODDVERB_INGEST_PATHS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace oddverb {

// Each argument is a file, "-" (standard input), a folder (its own regular
// files but hidden ones, by name; not those of its sub-folders) or, where no
// such file exists, a glob(7) pattern. Order is kept, and an input that is
// reached twice (same device and inode) is taken once.
//
// "X.gz" beside "X": the API server's rotation writes X.gz and removes X only
// when it is complete, so X.gz is left out of folders and patterns then, and
// wherever X is among the arguments as well.
//
// All mistakes are reported at once, a line each, with path, cause and cure;
// the code is the first one's: NotFound (also an empty folder, a pattern
// without match), PermissionDenied, InvalidArgument.
absl::StatusOr<std::vector<std::string>> ExpandPaths(
    const std::vector<std::string>& arguments);

}  // namespace oddverb

#endif  // ODDVERB_INGEST_PATHS_H_
