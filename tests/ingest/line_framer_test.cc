#include "ingest/line_framer.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

LineFramer::Options SmallLimits() {
  LineFramer::Options options;
  options.max_record_bytes = 400;
  options.max_document_bytes = 2000;
  return options;
}

// "LINE@OFFSET RECORD", and "!LINE@OFFSET REASON BYTES SAMPLE" for rejected.
struct Framed {
  std::vector<std::string> lines;
  uint64_t source_bytes = 0;
  size_t most_bytes = 0;  // in a batch
};

void Describe(const RawBatch& batch, Framed& out) {
  for (size_t i = 0; i < batch.records.size(); ++i) {
    const Position& at = batch.positions[i];
    out.lines.push_back(
        absl::StrCat(at.line, "@", at.offset, " ",
                     std::string(batch.bytes->view().substr(
                         batch.records[i].offset, batch.records[i].length))));
  }
  for (const Rejected& rejected : batch.rejected) {
    out.lines.push_back(absl::StrCat(
        "!", rejected.position.line, "@", rejected.position.offset, " ",
        RejectReasonName(rejected.reason), " ", rejected.record_bytes, " ",
        rejected.sample.substr(0, 5), rejected.sample.size()));
  }
  out.source_bytes += batch.source_bytes;
}

// Frames `content` given in pieces of `piece` bytes, `pieces` to a batch.
Framed Frame(std::string_view content, size_t piece, size_t pieces,
             const LineFramer::Options& options) {
  LineFramer framer(options);
  Framed out;
  RawBatch batch;
  size_t given = 0;
  while (given < content.size()) {
    for (size_t i = 0; i < pieces && given < content.size(); ++i) {
      std::string_view next = content.substr(given, piece);
      batch.bytes->Append(next);
      given += next.size();
      framer.Frame(LineFramer::Input::kMayGoOn, batch);
      out.most_bytes = std::max(out.most_bytes, batch.bytes->size());
    }
    RawBatch following;
    framer.CarryTail(batch, *following.bytes);
    Describe(batch, out);
    std::swap(batch, following);
  }
  framer.Frame(LineFramer::Input::kEnded, batch);
  RawBatch nothing;
  framer.CarryTail(batch, *nothing.bytes);
  EXPECT_EQ(nothing.bytes->size(), 0u);
  Describe(batch, out);
  EXPECT_EQ(out.source_bytes, content.size());
  return out;
}

// The result, after checking that it does not depend on how the bytes come.
// (Rejected are listed at the end of their batch: compared as sorted.)
std::vector<std::string> FrameAnyhow(std::string_view content) {
  Framed whole =
      Frame(content, std::max<size_t>(content.size(), 1), 1, SmallLimits());
  std::vector<std::string> sorted = whole.lines;
  std::sort(sorted.begin(), sorted.end());
  for (size_t piece : {1u, 2u, 3u, 7u, 64u, 257u, 1000u}) {
    for (size_t pieces : {1u, 3u}) {
      Framed cut = Frame(content, piece, pieces, SmallLimits());
      std::sort(cut.lines.begin(), cut.lines.end());
      EXPECT_THAT(cut.lines, ElementsAreArray(sorted))
          << "pieces of " << piece << ", " << pieces << " to a batch";
    }
  }
  return whole.lines;
}

TEST(LineFramerTest, CutsLines) {
  EXPECT_THAT(FrameAnyhow("{\"a\":1}\n{\"b\":2}\n"),
              ElementsAre("1@0 {\"a\":1}", "2@8 {\"b\":2}"));
  EXPECT_THAT(FrameAnyhow(""), IsEmpty());
}

TEST(LineFramerTest, HandsOnALastLineWithoutEnd) {
  EXPECT_THAT(FrameAnyhow("{\"a\":1}\n{\"b\":"),
              ElementsAre("1@0 {\"a\":1}", "2@8 {\"b\":"));
  EXPECT_THAT(FrameAnyhow("{\"b\":"), ElementsAre("1@0 {\"b\":"));
}

TEST(LineFramerTest, ToleratesCrlfBlankLinesAndBlanks) {
  EXPECT_THAT(FrameAnyhow("\r\n\n{\"a\":1}\r\n \t\r\n\n  {\"b\":2}  \n\n"),
              ElementsAre("3@3 {\"a\":1}", "6@19 {\"b\":2}"));
}

TEST(LineFramerTest, StripsAByteOrderMarkAtTheStartOnly) {
  EXPECT_THAT(FrameAnyhow("\xef\xbb\xbf{\"a\":1}\n\xef\xbb\xbf{\"b\":2}\n"),
              ElementsAre("1@3 {\"a\":1}", "2@11 \xef\xbb\xbf{\"b\":2}"));
  EXPECT_THAT(FrameAnyhow("\xef\xbb"), ElementsAre("1@0 \xef\xbb"));
  EXPECT_THAT(FrameAnyhow("\xef\xbb\xbf"), IsEmpty());
}

TEST(LineFramerTest, SkipsTheNulsOfACrash) {
  std::string nuls(600, '\0');  // more than a record may have
  EXPECT_THAT(FrameAnyhow("{\"a\":1}\n" + nuls + "{\"b\":2}\n" + nuls),
              ElementsAre("1@0 {\"a\":1}", "2@608 {\"b\":2}"));
  EXPECT_THAT(FrameAnyhow("{\"a\":1}\n{\"torn" + nuls.substr(0, 100)),
              ElementsAre("1@0 {\"a\":1}", "2@8 {\"torn"));
}

TEST(LineFramerTest, RejectsAnOversizedLineAndGoesOn) {
  std::string at_limit = "{" + std::string(398, 'x') + "}";
  std::string above = "{" + std::string(399, 'x') + "}";
  EXPECT_THAT(FrameAnyhow(at_limit + "\r\n" + at_limit + "\n"),
              ElementsAre("1@0 " + at_limit, "2@402 " + at_limit));
  EXPECT_THAT(FrameAnyhow("{}\n" + above + "\r\n" + above + "\n{}\n" + above),
              ElementsAre("1@0 {}", "4@808 {}", "!2@3 oversized 401 {xxxx400",
                          "!3@406 oversized 401 {xxxx400",
                          "!5@811 oversized 401 {xxxx400"));
}

TEST(LineFramerTest, SkipsAnOversizedLineInBoundedMemory) {
  std::string content = "{}\n{" + std::string(1'000'000, 'x') + "}\n{}\n";
  Framed framed = Frame(content, 1000, 1000, SmallLimits());
  EXPECT_THAT(framed.lines, ElementsAre("1@0 {}", "3@1000006 {}",
                                        "!2@3 oversized 1000002 {xxxx400"));
  EXPECT_LE(framed.most_bytes, 3000u);
}

TEST(LineFramerTest, AllowsEnvelopesToBeLonger) {
  std::string items(1500, 'x');
  for (std::string start :
       {R"({"kind":"EventList","items":[)", "[",
        R"({"apiVersion":"audit.k8s.io/v1","kind":"EventList")",
        R"({"records":[)"}) {
    EXPECT_THAT(
        FrameAnyhow("{}\n" + start + items + "\n{}\n"),
        ElementsAre("1@0 {}", "2@3 " + start + items,
                    absl::StrCat("3@", 4 + start.size() + 1500, " {}")));
    std::string large = start + std::string(2000, 'x');
    EXPECT_THAT(
        FrameAnyhow("{}\n" + large + "\n{}\n"),
        ElementsAre("1@0 {}", absl::StrCat("3@", 4 + large.size(), " {}"),
                    absl::StrCat("!2@3 oversized ", large.size(), " ",
                                 (large).substr(0, 5), 512)));
  }
}

TEST(LineFramerTest, TakesAPrettyPrintedDocumentAsOneRecord) {
  std::string document =
      "{\n  \"kind\": \"Event\",\n  \"a\": \"}{ \\\" ]\",\n  \"l\": [\n{\n}\n,"
      "\n{\n}\n]\n}";
  EXPECT_THAT(FrameAnyhow(document), ElementsAre("1@0 " + document));
  EXPECT_THAT(FrameAnyhow("\n \n" + document + "\n\n"),
              ElementsAre("3@3 " + document));
  EXPECT_THAT(FrameAnyhow("[\n{\"a\":1},\n{\"b\":2}\n]\n"),
              ElementsAre("1@0 [\n{\"a\":1},\n{\"b\":2}\n]"));
}

TEST(LineFramerTest, CutsPrettyPrintedDocumentsInARow) {
  EXPECT_THAT(FrameAnyhow("{\n\"a\":1\n}\n{\n\"b\":2\n}\r\n\n[\n]{\"c\":3}"),
              ElementsAre("1@0 {\n\"a\":1\n}", "4@10 {\n\"b\":2\n}",
                          "8@22 [\n]", "9@25 {\"c\":3}"));
}

TEST(LineFramerTest, ADocumentMayBeLongerThanALine) {
  std::string document = "{\n\"a\": \"" + std::string(1900, 'x') + "\"\n}";
  EXPECT_THAT(FrameAnyhow(document), ElementsAre("1@0 " + document));
  std::string large = "{\n\"a\": \"" + std::string(2000, 'x') + "\"\n}";
  EXPECT_THAT(FrameAnyhow("{\n}\n" + large + "\n{\n}\n"),
              ElementsAre("1@0 {\n}", "6@2016 {\n}",
                          "!3@4 oversized 2011 {\n\"a\"512"));
}

// A line torn by a crash looks like the start of a document. It must not
// swallow the log behind it.
TEST(LineFramerTest, ATornFirstLineDoesNotTurnALogIntoADocument) {
  EXPECT_THAT(
      FrameAnyhow("{\"a\":\"torn\n{\"b\":2}\n{\"c\":3}\n"),
      ElementsAre("1@0 {\"a\":\"torn", "2@11 {\"b\":2}", "3@19 {\"c\":3}"));
  EXPECT_THAT(FrameAnyhow("{\"a\":1,\n{\"b\":2}\n{\"c\":3}\n"),
              ElementsAre("1@0 {\"a\":1,", "2@8 {\"b\":2}", "3@16 {\"c\":3}"));
  EXPECT_THAT(FrameAnyhow("{\"a\":1\n{\"b\":2}\n{\"c\":3}\n"),
              ElementsAre("1@0 {\"a\":1", "2@7 {\"b\":2}", "3@15 {\"c\":3}"));
  // Behind a colon an object may follow; the second one may not.
  EXPECT_THAT(FrameAnyhow("{\"a\":\n{\"b\":2}\n{\"c\":3}\n"),
              ElementsAre("1@0 {\"a\":\n{\"b\":2}", "3@14 {\"c\":3}"));
}

TEST(LineFramerTest, KeepsToLinesAfterAnOrdinaryFirstLine) {
  EXPECT_THAT(FrameAnyhow("{}\n{\"torn\":\n{\"b\":2}\n"),
              ElementsAre("1@0 {}", "2@3 {\"torn\":", "3@12 {\"b\":2}"));
  EXPECT_THAT(FrameAnyhow("text\n{\n}\n"),
              ElementsAre("1@0 text", "2@5 {", "3@7 }"));
}

TEST(LineFramerTest, SurvivesDeepAndUnbalancedBrackets) {
  std::string deep = "[\n" + std::string(100'000, '[');
  LineFramer::Options options;
  EXPECT_EQ(Frame(deep, 1000, 1, options).lines.size(), 2u);
  EXPECT_THAT(FrameAnyhow("{\n}}}\n]\n"),
              ElementsAre("1@0 {\n}", "2@3 }}", "3@6 ]"));
}

// Any bytes: nothing is lost, whatever the blocks.
TEST(LineFramerTest, FramesRandomBytesTheSameInAnyBlocks) {
  const std::string_view pieces[] = {"{",
                                     "}",
                                     "[",
                                     "]",
                                     "\n",
                                     "\r\n",
                                     "\"",
                                     "\\",
                                     ",",
                                     ":",
                                     " ",
                                     "x",
                                     std::string_view("\0", 1),
                                     "{\"kind\":\"EventList\"",
                                     "{}\n",
                                     "{}\n{}\n"};
  std::mt19937 random(20240607);
  for (int round = 0; round < 60; ++round) {
    std::string content;
    for (size_t left = random() % 120; left > 0; --left) {
      std::string_view piece = pieces[random() % std::size(pieces)];
      size_t times = random() % 10 == 0 ? random() % 450 : 1;
      for (size_t i = 0; i < times; ++i) content += piece;
    }
    SCOPED_TRACE(content);
    FrameAnyhow(content);
    if (HasFailure()) return;
  }
}

TEST(LineFramerTest, KeepsNoBlanksBeforeTheFirstRecord) {
  Framed framed = Frame(std::string(1'000'000, '\0') + "{\"a\":1}\n", 1000,
                        2000, SmallLimits());
  EXPECT_THAT(framed.lines, ElementsAre("1@1000000 {\"a\":1}"));
  EXPECT_LT(framed.most_bytes, 10'000u);
}

TEST(LineFramerTest, FramesLinesFromWithinAStream) {
  LineFramer::Options options = SmallLimits();
  options.form = LineFramer::Form::kLines;
  options.start_offset = 1000;
  options.start_line = 7;
  LineFramer framer(options);
  RawBatch batch;
  // Looks like the start of a document, and is a torn line.
  batch.bytes->Append("{\"a\":{\n{\"b\":1}\n" + std::string(450, 'x'));
  framer.Frame(LineFramer::Input::kMayGoOn, batch);
  EXPECT_EQ(framer.position().offset, 1465u);
  EXPECT_EQ(framer.restart_position(), (Position{0, 0, 1015, 9}));
  RawBatch next;
  framer.CarryTail(batch, *next.bytes);
  Framed framed;
  Describe(batch, framed);
  EXPECT_THAT(framed.lines, ElementsAre("7@1000 {\"a\":{", "8@1007 {\"b\":1}"));
  EXPECT_EQ(framed.source_bytes, 465u);
  next.bytes->Append("\n");
  framer.Frame(LineFramer::Input::kMayGoOn, next);
  EXPECT_EQ(framer.restart_position(), framer.position());
  ASSERT_EQ(next.rejected.size(), 1u);
  EXPECT_EQ(next.rejected[0].record_bytes, 450u);
}

}  // namespace
}  // namespace oddverb
