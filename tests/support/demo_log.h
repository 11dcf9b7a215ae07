// The bundled real log (app/demo.log.zst) as lines, for tests that need real
// traffic on any machine.
#ifndef ODDVERB_TESTS_SUPPORT_DEMO_LOG_H_
#define ODDVERB_TESTS_SUPPORT_DEMO_LOG_H_

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace oddverb {

// 19,271 lines without their line ends. Aborts if the file is missing.
std::vector<std::string> DemoLogLines();
// The same with all its time moved on, as if it had ended at `end`.
std::vector<std::string> DemoLogLinesUntil(absl::Time end);

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_DEMO_LOG_H_
