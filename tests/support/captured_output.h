// An OutputFile whose text a test can read: an unlinked temporary file.
#ifndef ODDVERB_TESTS_SUPPORT_CAPTURED_OUTPUT_H_
#define ODDVERB_TESTS_SUPPORT_CAPTURED_OUTPUT_H_

#include <cstdio>
#include <memory>
#include <string>

#include "exporters/output_file.h"

namespace oddverb {

class CapturedOutput {
 public:
  CapturedOutput() : file_(std::tmpfile()) {}
  ~CapturedOutput() { std::fclose(file_); }
  CapturedOutput(const CapturedOutput&) = delete;
  CapturedOutput& operator=(const CapturedOutput&) = delete;

  std::unique_ptr<OutputFile> MakeFile() {
    return std::make_unique<OutputFile>(::fileno(file_), "captured",
                                        OutputFile::Ownership::kBorrowed);
  }
  std::string Text() {
    std::string text;
    char buffer[4096];
    std::rewind(file_);
    size_t got;
    while ((got = std::fread(buffer, 1, sizeof(buffer), file_)) > 0) {
      text.append(buffer, got);
    }
    return text;
  }

 private:
  FILE* file_;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_CAPTURED_OUTPUT_H_
