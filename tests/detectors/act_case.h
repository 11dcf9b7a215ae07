// One request, and the finding of privileged_acts.h that it is.
#ifndef ODDVERB_TESTS_DETECTORS_ACT_CASE_H_
#define ODDVERB_TESTS_DETECTORS_ACT_CASE_H_

#include <functional>

#include "gtest/gtest.h"
#include "model/finding.h"
#include "tests/detectors/credential_stream.h"
#include "tests/support/event_builder.h"

namespace oddverb {

using Change = std::function<void(EventBuilder&)>;

struct Case {
  const char* what;
  Change change;
  const char* rule;  // empty: no finding
  Severity severity = Severity::kInfo;
};

// By a person from the office, alone in its stream.
inline void ExpectCase(const Case& c) {
  SCOPED_TRACE(c.what);
  CredentialStream stream;
  Client::Person(stream, "mallory", kOffice).Ask(c.change);
  stream.End();
  if (*c.rule == '\0') {
    EXPECT_TRUE(stream.reports().empty());
    return;
  }
  ASSERT_EQ(stream.findings().size(), 1u);
  const Finding finding = stream.findings()[0];
  ExpectSound(finding);
  EXPECT_EQ(finding.rule, c.rule);
  EXPECT_EQ(finding.severity, c.severity);
  EXPECT_EQ(finding.entity, "mallory");
  EXPECT_FALSE(finding.title.empty() || finding.normal.empty());
  EXPECT_FALSE(finding.next.empty() || finding.attack.empty());
  EXPECT_EQ(CountOf(stream.reports(), FindingState::kOpen), 1u);
  EXPECT_EQ(CountOf(stream.reports(), FindingState::kFinal), 1u);
}

}  // namespace oddverb

#endif  // ODDVERB_TESTS_DETECTORS_ACT_CASE_H_
