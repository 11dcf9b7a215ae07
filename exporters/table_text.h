// The text of the findings table and of the blocks below it. Pure functions of
// findings and terminal; every text from the log is made visible first.
#ifndef ODDVERB_EXPORTERS_TABLE_TEXT_H_
#define ODDVERB_EXPORTERS_TABLE_TEXT_H_

#include <span>
#include <string>

#include "exporters/exporters.h"
#include "model/finding.h"

namespace oddverb {

// Header and one line for each finding. Names are cut in their middle, the
// reason at its end, so that a line fits into terminal.columns (at least 60;
// no limit if 0).
std::string FindingsTable(std::span<const Finding* const> findings,
                          const Terminal& terminal);

// A headline and the blocks Why, Normal, Do now, Evidence: at most 12 lines.
std::string FindingBlock(const Finding& finding, const Terminal& terminal);

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_TABLE_TEXT_H_
