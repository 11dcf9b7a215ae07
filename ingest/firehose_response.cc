#include "ingest/firehose_response.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "base/json_writer.h"
#include "base/strings.h"

namespace oddverb {

std::string FirehoseRequestId(const HttpRequestHead& head) {
  return std::string(head.Header("X-Amz-Firehose-Request-Id").value_or(""));
}

HttpResponse ForSender(HttpResponse response, std::string_view request_id,
                       absl::Time now) {
  if (request_id.empty()) return response;
  bool failed = response.status < 200 || response.status > 299;
  JsonWriter json;
  json.BeginObject();
  json.Key("requestId").String(request_id);
  json.Key("timestamp").Int(absl::ToUnixMillis(now));
  if (failed) {
    json.Key("errorMessage")
        .String(S(absl::StripAsciiWhitespace(response.body)));
  }
  json.EndObject();
  if (!failed) response.status = 200;
  response.content_type = "application/json";
  response.body = json.Release();
  return response;
}

}  // namespace oddverb
