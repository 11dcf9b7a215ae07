// Amazon Data Firehose posts to an HTTP endpoint and takes only answers of its
// own form: JSON with the id of the request and a time, and at failure a
// message. Anything else it counts as a failure and sends again. Pure.
#ifndef ODDVERB_INGEST_FIREHOSE_RESPONSE_H_
#define ODDVERB_INGEST_FIREHOSE_RESPONSE_H_

#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "net/http_message.h"

namespace oddverb {

// The id of a delivery of Firehose's, "" for any other request.
std::string FirehoseRequestId(const HttpRequestHead& head);

// `response` as it is where `request_id` is empty; else in Firehose's form, a
// success as 200, the only one that it knows.
HttpResponse ForSender(HttpResponse response, std::string_view request_id,
                       absl::Time now);

}  // namespace oddverb

#endif  // ODDVERB_INGEST_FIREHOSE_RESPONSE_H_
