// Finds the shared audit corpus, which is not part of the repository.
#ifndef ODDVERB_TESTS_SUPPORT_CORPUS_H_
#define ODDVERB_TESTS_SUPPORT_CORPUS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oddverb {

// Path of a file under data/corpus of $ODDVERB_SHARED (default: ../shared
// beside the source tree); nullopt where it is absent: skip the test then.
std::optional<std::string> CorpusPath(std::string_view relative);

// Every audit data file: *.log.gz and webhook-samples/**/post-*.json[.gz],
// sorted. Empty where the corpus is absent.
std::vector<std::string> CorpusAuditFiles();

// The decompressed content (zlib; plain files as they are).
std::string ReadMaybeGzip(const std::string& path);

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_CORPUS_H_
