// A finding as one JSON object of schema oddverb.finding/v1: the form that
// every machine reader gets. Pure functions; always valid UTF-8 JSON on one
// line, whatever bytes the log held.
#ifndef ODDVERB_EXPORTERS_FINDING_JSON_H_
#define ODDVERB_EXPORTERS_FINDING_JSON_H_

#include <string>
#include <string_view>

#include "model/finding.h"

namespace oddverb {

// Appends the object without a line end. Keys in the order of the schema.
//
// Times are RFC 3339, UTC, microseconds cut off; outside of the years 1 to 9999
// the nearest time of that range.
//
// Numbers have at most four decimals, are never NaN or infinite (0, +-1e11
// stand for them). Where the contributions of why[] sum up to the score, their
// printed decimals sum up to the printed score exactly: each is rounded, and
// what is then missing is given in steps of 0.0001 to those that rounding moved
// the furthest the other way (largest remainder; the first wins a tie). If they
// do not sum up to begin with, each is only rounded.
void AppendFindingJson(const Finding& finding, std::string& out);

// JSON Schema (draft 2020-12) of that object: exactly what this version writes.
std::string_view FindingSchemaJson();

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_FINDING_JSON_H_
